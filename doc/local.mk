EXTRA_DIST += doc/abi.md doc/design.md doc/memory-model.md
