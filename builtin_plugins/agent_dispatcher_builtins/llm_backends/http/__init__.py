"""What all backends share that ask a server through an official SDK: limits, failures, one client for one origin, reading a streamed reply.

An SDK of its own needs a *wire*: how a request is put in its dialect, how a piece of a reply is read. Nothing here imports an SDK.
"""
