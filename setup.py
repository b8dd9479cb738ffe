"""What pyproject.toml cannot say: the demo zoos lie beside the package and travel inside it."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["studio*"]), "studio.assets"],
    package_dir={"studio.assets": "assets"},
)
