"""How accuracy is measured: one file a protocol, all with the face of `protocol.Protocol`."""
