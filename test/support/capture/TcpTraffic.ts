/**
 * TCP traffic of many connections over a bad network, as bytes of a pcapng file. Each connection is a sender and a
 * receiver that lose, repeat and reorder segments by a seed; the segments are what a capture between them sees.
 */
import * as Ip from "../../../src/capture/Ip.ts"
import * as Pcapng from "../../../src/capture/Pcapng.ts"

/** Options of the traffic. */
export interface Options {
  readonly seed: number
  readonly connections: number
  /** Events of a connection between its handshake and its end. */
  readonly events: number
}

/** Returns a generator of numbers from 0 to 1: mulberry32. */
const randomOf = (seed: number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Frame {
  readonly at: bigint
  readonly bytes: Uint8Array
}

interface Sent {
  readonly seq: number
  readonly length: number
}

const { ack: ACK, fin: FIN, psh: PSH, rst: RST, syn: SYN } = Ip.flag

/** The segments of one connection, in the order in which the capture sees them. */
const connection = (random: () => number, index: number, events: number): ReadonlyArray<Frame> => {
  const frames: Array<Frame> = []
  const chance = (share: number) => random() < share
  const below = (end: number) => Math.floor(random() * end)
  const client = { address: Uint8Array.of(10, 0, index >> 8, index & 255), port: 40_000 + (index % 3) }
  const server = { address: Uint8Array.of(10, 1, 0, 1), port: 80 }
  const bases = [below(2 ** 32), below(2 ** 32)] as const
  let time = BigInt(index) * 1_000_000n + 1_700_000_000_000_000_000n
  const wait = (micros: number) => {
    time += BigInt(Math.round(micros)) * 1_000n
  }
  /** Writes a segment of the client (0) or the server (1); numbers are relative. */
  const send = (
    side: 0 | 1,
    flags: number,
    seq: number,
    ack: number,
    more: { readonly length?: number; readonly window?: number; readonly options?: ReadonlyArray<number> } = {}
  ) => {
    const [from, to] = side === 0 ? [client, server] : [server, client]
    const payload = new Uint8Array(more.length ?? 0).map((_, at) => 97 + ((seq + at) % 26))
    const tcp = {
      seq: (bases[side] + seq) >>> 0,
      ack: (flags & ACK) === 0 ? 0 : (bases[1 - side]! + ack) >>> 0,
      flags,
      window: more.window ?? 500,
      options: Uint8Array.from(more.options ?? [])
    }
    frames.push({ at: time, bytes: Ip.encode({ from, to, payload, tcp, id: frames.length }) })
  }

  const scaled = chance(0.5) ? [1, 3, 3, 2] : []
  if (chance(0.8)) {
    send(0, SYN, 0, 0, { window: 8_000, options: scaled })
    if (chance(0.2)) {
      wait(1_000 + below(400_000))
      send(0, SYN, 0, 0, { window: 8_000, options: scaled })
    }
    wait(below(30_000))
    send(1, SYN | ACK, 0, 1, { window: 8_000, options: chance(0.8) ? scaled : [] })
    wait(below(2_000))
    if (chance(0.9)) send(0, ACK, 1, 1)
  }
  // The client sends, and the server receives; now and then the other way round.
  let [next, received, replied] = [1, 1, 1]
  let window = 500
  const sent: Array<Sent> = []
  const gaps: Array<Sent> = []
  const sack = (): ReadonlyArray<number> => {
    const [gap] = gaps
    if (gap === undefined || !chance(0.5)) return []
    const edges = [bases[0] + gap.seq + gap.length, bases[0] + next].map((edge) => edge >>> 0)
    return [1, 1, 5, 10, ...edges.flatMap((edge) => [edge >>> 24, (edge >>> 16) & 255, (edge >>> 8) & 255, edge & 255])]
  }
  const acknowledge = () => send(1, ACK, replied, gaps[0]?.seq ?? next, { window, options: sack() })
  const actions: ReadonlyArray<readonly [weight: number, act: () => void]> = [
    [
      30,
      () => {
        const length = 1 + below(chance(0.1) ? 2 : 400)
        const one = { seq: next, length }
        next += length
        if (chance(0.1)) gaps.push(one)
        else {
          send(0, PSH | ACK, one.seq, replied, { length })
          sent.push(one)
        }
      }
    ],
    [25, acknowledge],
    [
      6,
      () => {
        const gap = gaps.shift()
        if (gap !== undefined) send(0, ACK, gap.seq, replied, { length: gap.length })
      }
    ],
    [
      6,
      () => {
        const one = sent.at(-1 - below(3))
        if (one !== undefined) send(0, ACK, one.seq, replied, { length: one.length })
      }
    ],
    [
      4,
      () => {
        const length = 1 + below(300)
        send(1, PSH | ACK, replied, gaps[0]?.seq ?? next, { length, window })
        replied += length
      }
    ],
    [
      3,
      () => {
        window = chance(0.5) ? 0 : 1 + below(500)
        acknowledge()
      }
    ],
    [3, () => send(0, ACK, next, replied, { length: 1 })],
    [3, () => send(0, ACK, next - 1, replied, { length: below(2) })],
    [3, () => send(0, ACK, next, replied)],
    [1, () => send(0, ACK, next, received, { length: Math.max(1, window) })],
    [1, () => send(1, ACK, replied, next + 200, { window })]
  ]
  const total = actions.reduce((sum, [weight]) => sum + weight, 0)
  for (let event = 0; event < events; event++) {
    wait(chance(0.7) ? below(1_500) : below(60_000))
    let choice = random() * total
    for (const [weight, act] of actions) {
      choice -= weight
      if (choice > 0) continue
      act()
      break
    }
    received = replied
  }
  wait(below(5_000))
  if (chance(0.2)) send(0, RST | ACK, next, replied)
  else if (chance(0.9)) {
    send(0, FIN | ACK, next, replied)
    wait(below(300_000))
    if (chance(0.3)) send(0, FIN | ACK, next, replied)
    send(1, FIN | ACK, replied, next + 1)
    send(0, ACK, next + 1, replied + 1)
  }
  if (chance(0.1)) {
    // The same ports again.
    wait(2_000_000)
    send(0, SYN, 123_456, 0, { window: 8_000 })
    wait(1_000)
    send(1, SYN | ACK, 654_321, 123_457, { window: 8_000 })
  }
  return frames
}

/** Makes the traffic: the connections overlap in time. */
export const make = ({ connections, events, seed }: Options): Uint8Array => {
  const random = randomOf(seed)
  const frames = Array.from({ length: connections }, (_, index) => connection(random, index, events)).flat()
  frames.sort((one, other) => (one.at < other.at ? -1 : one.at > other.at ? 1 : 0))
  const encode = Pcapng.encode()
  const blocks = [
    encode({ _tag: "Section" }),
    encode({
      _tag: "Interface",
      linkType: Pcapng.LINKTYPE_RAW,
      snapLength: 0,
      name: "wire",
      timestampResolution: 9
    }),
    ...frames.map(({ at, bytes }) =>
      encode({ _tag: "Packet", interface: 0, at, bytes, originalLength: bytes.length, comments: [] })
    )
  ]
  return new Uint8Array(Buffer.concat(blocks))
}
