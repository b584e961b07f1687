/**
 * What a line server must know of telnet (RFC 854, RFC 855): commands are taken out of the stream and every option is
 * refused, so that any telnet client falls back to the plain network virtual terminal.
 */

const IAC = 255
const DONT = 254
const DO = 253
const WONT = 252
const WILL = 251
const SB = 250
const SE = 240

/** What the next byte is. A command that takes more bytes is its own state. */
const Data = 0
const Command = IAC
/** After an IAC within a subnegotiation. */
const SubCommand = SE
type Mode = typeof Data | typeof Command | typeof SubCommand | typeof SB | Verb
type Verb = typeof WILL | typeof WONT | typeof DO | typeof DONT

/**
 * Where a stream is between two chunks; of a size that nothing a peer sends can change.
 *
 * @category models
 * @since 0.1.0
 */
export interface State {
  readonly mode: Mode
  /** One flag for each option the peer offered (WILL), then one for each it asked for (DO): already refused. */
  readonly refused: Uint8Array
}

/** What a chunk came to. @category models @since 0.1.0 */
export interface Step {
  readonly state: State
  /** The chunk without its commands; the chunk itself where it holds none. */
  readonly data: Uint8Array
  /** To be sent to the peer; empty where nothing was asked. */
  readonly reply: Uint8Array
}

const noBytes = new Uint8Array(0)

/** The start of a stream. @category constructors @since 0.1.0 */
export const initial: State = { mode: Data, refused: new Uint8Array(512) }

/** What comes after an IAC and this byte: the rest of a command, or data again. */
const modeAfterIac = (byte: number): Mode => (byte >= SB && byte <= DONT ? (byte as Mode) : Data)

/**
 * Takes the commands out of a chunk and refuses the options in it (RFC 854): `IAC IAC` is a byte 255, DO is answered by
 * WONT and WILL by DONT, once for each option, so that all answers together are at most 1536 bytes. WONT and DONT have
 * no answer, which keeps two ends from answering each other for ever. Subnegotiations (RFC 855) up to their `IAC SE`
 * and all other commands are dropped. Takes any bytes, cut anywhere.
 *
 * @category decoding
 * @since 0.1.0
 */
export const receive = (state: State, chunk: Uint8Array): Step => {
  const first = state.mode === Data ? chunk.indexOf(IAC) : 0
  if (first === -1) return { state, data: chunk, reply: noBytes }
  const data = new Uint8Array(chunk.length)
  data.set(chunk.subarray(0, first))
  const reply: Array<number> = []
  let { mode, refused } = state
  let length = first
  for (let i = first; i < chunk.length; i++) {
    const byte = chunk[i]!
    switch (mode) {
      case Data:
        if (byte === IAC) mode = Command
        else data[length++] = byte
        break
      case Command:
        if (byte === IAC) data[length++] = byte
        mode = modeAfterIac(byte)
        break
      case WILL:
      case DO: {
        const option = mode === DO ? 256 + byte : byte
        if (refused[option] === 0) {
          if (refused === state.refused) refused = refused.slice()
          refused[option] = 1
          reply.push(IAC, mode === DO ? WONT : DONT, byte)
        }
        mode = Data
        break
      }
      case WONT:
      case DONT:
        mode = Data
        break
      case SB:
        if (byte === IAC) mode = SubCommand
        break
      case SubCommand:
        // Clients exist that forget to double a 255 among the parameters: only SE ends them.
        mode = byte === SE ? Data : SB
    }
  }
  return {
    state: { mode, refused },
    data: data.subarray(0, length),
    reply: reply.length === 0 ? noBytes : Uint8Array.from(reply)
  }
}
