config {
  call_module_type = "local"
}

# The bundled rules: typed and described variables and outputs, names, unused declarations, versions, structure.
plugin "terraform" {
  enabled = true
  preset  = "all"
}
