"""pytest plugin for Flask's tests: a name of pytest's that 9.2 has renamed."""

import _pytest.monkeypatch

_pytest.monkeypatch.notset = _pytest.monkeypatch.NOTSET
