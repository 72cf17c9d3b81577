"""Room native: the C++ core and the only ctypes: loader, ABI version, error codes.

``loader`` picks the shared object; each other module declares the functions of one part of the core.
"""
