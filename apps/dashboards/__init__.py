"""The servers of the notebooks: Voila for everybody's pages, JupyterLab for investigators."""
