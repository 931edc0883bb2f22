"""What a computation runs on: devices, threads, memory, streams of random numbers.

The lowest floor beside `config` and `storage`: anything in `vae` may import it.
"""
