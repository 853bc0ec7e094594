"""What every family uses: graphs, sources, ONNX, recipes, files, builds."""
