/** The frames of the stop-and-wait protocol. Pure. */

/** Numbering of frames: not at all, by one bit that alternates, or by all numbers. */
export type Numbering = "none" | "bit" | "number"

/** A frame: a message of the sender, or the acknowledgement of one. */
export interface Frame {
  readonly _tag: "DATA" | "ACK"
  /** Undefined without numbering. */
  readonly number: number | undefined
  /** Text of the message; an ACK repeats it for the reader of the diagram, and the sender does not look at it. */
  readonly text: string
}

/** Returns the number of a message, which are counted from 1. */
export const numberOf: Readonly<Record<Numbering, (message: number) => number | undefined>> = {
  none: () => undefined,
  bit: (message) => (message - 1) % 2,
  number: (message) => message
}

const opcodes = { DATA: 1, ACK: 2 } as const

/** The byte in place of a number. */
const noNumberByte = 255

/** Bytes before the text: opcode and number. */
const headerBytes = 2

/** Encodes a frame. */
export const encode = ({ _tag, number, text }: Frame): Uint8Array => {
  const body = new TextEncoder().encode(text)
  const bytes = new Uint8Array(headerBytes + body.length)
  bytes.set([opcodes[_tag], number ?? noNumberByte])
  bytes.set(body, headerBytes)
  return bytes
}

/** Decodes a frame; undefined for other bytes. */
export const decode = (bytes: Uint8Array): Frame | undefined => {
  const [opcode, number] = bytes
  if (number === undefined || (opcode !== opcodes.DATA && opcode !== opcodes.ACK)) return undefined
  return {
    _tag: opcode === opcodes.DATA ? "DATA" : "ACK",
    number: number === noNumberByte ? undefined : number,
    text: new TextDecoder().decode(bytes.subarray(headerBytes))
  }
}

/** Formats the name of a frame: `DATA 0`, `ACK`. */
export const name = ({ _tag, number }: Pick<Frame, "_tag" | "number">): string =>
  number === undefined ? _tag : `${_tag} ${number}`
