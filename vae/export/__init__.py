"""Models as ONNX, and networks of other people's that come as ONNX: checked, and run in processes of their own.

May import `models` and below; runs keep and load such networks.
"""
