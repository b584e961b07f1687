/** CPU time of a packet and of a tick in a stable table, and the lower bound of a plain `Map`. */

import * as PeerTable from "../../../src/status/membership/PeerTable.ts"
import type * as Peer from "../../../src/status/Peer.ts"
import * as StatusNetwork from "../../../test/support/status/StatusNetwork.ts"

const rounds = 100

/** Makes one new heartbeat per peer, as from a socket: it shares no object with an earlier one. */
const heartbeats = (rows: number, sequence: number): ReadonlyArray<Peer.Heartbeat> =>
  Array.from({ length: rows }, (_, n) =>
    StatusNetwork.heartbeat({
      id: (0xfeed_0000 + n).toString(16).padStart(16, "0"),
      from: { address: `10.0.${n >> 8}.${n & 255}`, port: 2066 },
      name: `host-${n}`,
      sequence,
      payload: new Uint8Array(100)
    })
  )

const timed = (work: () => void) => {
  const began = performance.now()
  work()
  return (performance.now() - began) * 1_000
}

/** Returns the microseconds per packet, without the time to make the packets. */
const perPacket = (rows: number, take: (beats: ReadonlyArray<Peer.Heartbeat>, sequence: number) => void) => {
  let spent = 0
  for (let sequence = 0; sequence < rounds; sequence++) {
    const beats = heartbeats(rows, sequence)
    spent += timed(() => take(beats, sequence))
  }
  return spent / rounds / rows
}

/** Returns the microseconds per packet, including four ticks per interval. */
export const receive = (rows: number): number => {
  let table = PeerTable.make({ decode: StatusNetwork.decode }, 0)
  const look = Math.floor(rows / 4)
  return perPacket(rows, (beats, sequence) => {
    for (let n = 0; n < rows; n++) {
      const now = (sequence + n / rows) * 900
      table = PeerTable.receive(table, beats[n]!, now)[0]
      if (n % look === 0) table = PeerTable.tick(table, now)[0]
    }
  })
}

/** Returns the microseconds per packet of a plain `Map` that stores the latest packet of each peer. */
export const note = (rows: number): number => {
  const heard = new Map<string, readonly [at: number, beat: Peer.Heartbeat]>()
  return perPacket(rows, (beats, sequence) => {
    for (const beat of beats) {
      const known = heard.get(beat.id)
      if (known === undefined || known[1].sequence! < beat.sequence!) heard.set(beat.id, [sequence, beat])
    }
  })
}

const looks = 200

const filled = (rows: number) => {
  let table = PeerTable.make({ decode: StatusNetwork.decode }, 0)
  for (const beat of heartbeats(rows, 0)) table = PeerTable.receive(table, beat, 0)[0]
  return table
}

/** Returns the microseconds of a tick that checks all records and changes none. */
export const scan = (rows: number): number => {
  const table = { ...filled(rows), nextCheckAt: 0 }
  return (
    timed(() => {
      for (let n = 0; n < looks; n++) PeerTable.tick(table, 250)
    }) / looks
  )
}

/** Returns the microseconds of the ordered list of all peers. */
export const list = (rows: number): number => {
  const table = filled(rows)
  return (
    timed(() => {
      for (let n = 0; n < looks; n++) PeerTable.peers(table, 250)
    }) / looks
  )
}
