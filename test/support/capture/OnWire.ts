/** Captures of this package as if another program had made them: the times of their acknowledgements count. */

/** Changes the name of the program in a capture file. */
export const onWire = (file: Uint8Array): Buffer =>
  Buffer.from(Buffer.from(file).toString("latin1").replaceAll("effect-inet", "another-app"), "latin1")
