module compose-operator.dev/realnode/pause

go 1.26.0
