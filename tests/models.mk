# The models, through Spin. ./run has the list of what must hold and of what must not.
dist_check_SCRIPTS += tests/models/run
if !SANITIZED
TESTS += tests/models/run
endif
EXTRA_DIST += tests/models/list $(models)
models = tests/models/bell.pml tests/models/names.pml tests/models/spsc.pml tests/models/mpsc.pml tests/models/mutex.pml
