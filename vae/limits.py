"""Limits on untrusted files and requests: bytes, counts and seconds.

Every place where such a thing is turned into memory or time has its budget here, with its unit and its reason;
batches of our own numbers have theirs in `vae.models.memory_budget`. A limit is far above what an honest file needs,
and so low that the worst file that keeps to all of them leaves server and command line below 1.5 GB, and a whole import
below 1 GB and 20 s.
"""

from __future__ import annotations

MiB, GiB = 1 << 20, 1 << 30

# Small JSON files of a run -------------------------------------------------------------------------------------------

#: A JSON file of a run, bytes; our own have a few thousand, a config with 1,000 long class names 100,000.
JSON_BYTES = 1_000_000

# Weights -------------------------------------------------------------------------------------------------------------

#: The header of a safetensors file (names, shapes and our state), bytes; ours have a few thousand.
HEADER_BYTES = 1 * MiB
#: Tensors of a safetensors file; a checkpoint of the deepest model has about 150.
HEADER_TENSORS = 2000
#: Headers of all weights files of a run that is imported, bytes; 500 snapshots have about two million.
HEADERS_BYTES = 32 * MiB
#: Weights of one model that are shown or measured, bytes: 134 million of them. To train may take what the machine has.
WEIGHTS_BYTES = 512 * MiB

# Networks of somebody's own (ONNX) -----------------------------------------------------------------------------------

#: A graph with its numbers, bytes; 25 million weights. To open it takes three times as much, in its own process.
GRAPH_BYTES = 96 * MiB
#: The same without its numbers: names, shapes and small constants, bytes.
GRAPH_OUTLINE_BYTES = 16 * MiB
#: Operations of a graph, those of its branches included.
GRAPH_NODES = 20_000
#: Fields of all messages of a graph: each becomes an object of up to some hundred bytes.
GRAPH_FIELDS = 400_000
#: Graphs within graphs.
GRAPH_DEPTH = 20
#: What all graphs that are open in one process may take for their numbers while they run, bytes.
GRAPH_MEMORY = 512 * MiB
#: What such a process may take in all beyond an empty one, bytes.
GRAPH_PROCESS_MEMORY = 768 * MiB
#: Seconds in which a graph must be looked at, opened and tried with one example, and in which it must answer once.
GRAPH_OPEN_SECONDS, GRAPH_RUN_SECONDS = 6.0, 20.0
#: Seconds of one answer that are aimed at: of slow networks, fewer examples are asked for at once.
GRAPH_PIECE_SECONDS = 2.0
#: Processes that run graphs at once, and graphs that one keeps open.
GRAPH_PROCESSES, GRAPHS_OPEN = 3, 8
#: Seconds without work after which such a process ends.
GRAPH_IDLE_SECONDS = 60.0

# A run's history -----------------------------------------------------------------------------------------------------

#: One line, bytes; one of 512 latent dimensions has about 12,000.
LINE_BYTES = 64 << 10
#: Lines that are parsed at one reading, and their bytes; more are passed over evenly. Ours have 40,000 after an hour.
HISTORY_LINES, HISTORY_BYTES = 40_000, 32 * MiB
#: What is read of a history to find the lines that are parsed, bytes; of a longer file evenly spaced pieces.
HISTORY_SCAN_BYTES = 256 * MiB

# Images of one's own -------------------------------------------------------------------------------------------------

#: Times that images may be larger than their file, and bytes up to which that is not asked: black and white sprites
#: pack into a hundredth (dSprites: 112), and nothing but zeros into a thousandth.
ROOM_RATIO, ROOM_FREE_BYTES = 150, 128 * MiB
#: One image file, bytes: one of 1024×1024 pixels with four channels of 16 bits has 8 million.
IMAGE_FILE_BYTES = 32 * MiB
#: Scans of a progressive JPEG: each goes through all pixels; encoders make about ten.
JPEG_SCANS = 100

# Snapshots -----------------------------------------------------------------------------------------------------------

#: Snapshots of a run that are looked at; a trainer keeps at most 1,000.
SNAPSHOTS_LISTED = 2000
