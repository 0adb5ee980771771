"""In the repository the plugin is loaded here; installed, pytest finds it by its entry point, under the same name."""

pytest_plugins = ["autograd_conformance.plugin"]
