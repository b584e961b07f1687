/**
 * Telnet for line servers (RFC 854, RFC 855): removes commands from the stream and refuses every option.
 *
 * Any telnet client then falls back to the plain network virtual terminal.
 *
 * **Example** (Refusing an option)
 *
 * ```ts
 * import { Telnet } from "effect-inet/network"
 *
 * const [IAC, DO, WONT, echo] = [255, 253, 252, 1]
 * const step = Telnet.receive(Telnet.initial, Uint8Array.of(104, IAC, DO, echo, 105))
 * new TextDecoder().decode(step.data) // => "hi"
 * step.reply // => Uint8Array.of(IAC, WONT, echo)
 * ```
 */

const IAC = 255
const DONT = 254
const DO = 253
const WONT = 252
const WILL = 251
const SB = 250
const SE = 240

/** Meaning of the next byte. A command that takes more bytes is its own state. */
const Data = 0
const Command = IAC
/** State after an IAC within a subnegotiation. */
const SubCommand = SE
type Mode = typeof Data | typeof Command | typeof SubCommand | typeof SB | Verb
type Verb = typeof WILL | typeof WONT | typeof DO | typeof DONT

/** State of a stream between two chunks, of constant size whatever the peer sends. @category models @since 0.1.0 */
export interface State {
  readonly mode: Mode
  /** One flag for each option offered (WILL), then one for each requested (DO): set once refused. */
  readonly refused: Uint8Array
}

/** Result of one chunk. @category models @since 0.1.0 */
export interface Step {
  readonly state: State
  /** The chunk without its commands; the same array if it has none. */
  readonly data: Uint8Array
  /** Bytes to send to the peer; empty if the chunk requested nothing. */
  readonly reply: Uint8Array
  /** The commands of the chunk, by their place; empty if it has none. */
  readonly commands: ReadonlyArray<Commands>
}

/** Bytes of commands that were removed at one place. @category models @since 0.1.0 */
export interface Commands {
  /** Index in `data` of the byte after them. */
  readonly before: number
  readonly bytes: number
}

const noBytes = new Uint8Array(0)
const noCommands: ReadonlyArray<Commands> = []

/** State at the start of a stream. @category constructors @since 0.1.0 */
export const initial: State = { mode: Data, refused: new Uint8Array(512) }

/** Returns the mode after an IAC and this byte: the rest of a command, or data again. */
const modeAfterIac = (byte: number): Mode => (byte >= SB && byte <= DONT ? (byte as Mode) : Data)

const addCommand = (commands: Array<{ readonly before: number; bytes: number }>, before: number, bytes: number) => {
  const last = commands.at(-1)
  if (last?.before === before) last.bytes += bytes
  else commands.push({ before, bytes })
}

/**
 * Removes the commands from a chunk and refuses the options in it (RFC 854).
 *
 * `IAC IAC` is a byte 255. DO is answered by WONT and WILL by DONT, once for each option, so that all answers together
 * are at most 1,536 bytes. WONT and DONT have no answer, so that two ends cannot answer each other for ever.
 * Subnegotiations (RFC 855) up to their `IAC SE` and all other commands are dropped. Chunks may be cut anywhere.
 *
 * @category decoding
 * @since 0.1.0
 */
export const receive = (state: State, chunk: Uint8Array): Step => {
  const first = state.mode === Data ? chunk.indexOf(IAC) : 0
  if (first === -1) return { state, data: chunk, reply: noBytes, commands: noCommands }
  const data = new Uint8Array(chunk.length)
  data.set(chunk.subarray(0, first))
  const reply: Array<number> = []
  const commands: Array<{ readonly before: number; bytes: number }> = []
  let { mode, refused } = state
  let length = first
  for (let i = first; i < chunk.length; i++) {
    const byte = chunk[i]!
    if (mode === Data) {
      if (byte === IAC) mode = Command
      else data[length++] = byte
      continue
    }
    if (mode === Command && byte === IAC) {
      data[length++] = byte
      mode = Data
      continue
    }
    // An IAC is counted with the byte after it, since it may stand for a byte 255.
    addCommand(commands, length, mode === Command ? 2 : 1)
    switch (mode) {
      case Command:
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
        // Some clients do not double a 255 among the parameters: only SE ends them.
        mode = byte === SE ? Data : SB
    }
  }
  return {
    state: { mode, refused },
    data: data.subarray(0, length),
    reply: reply.length === 0 ? noBytes : Uint8Array.from(reply),
    commands
  }
}

/** Tests if the chunk ended within a command. @category guards @since 0.1.0 */
export const inCommand = ({ mode }: State): boolean => mode !== Data
