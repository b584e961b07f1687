/** Peers and what happens to them, as sentences and as values for JSON. Pure. */

import * as Endpoint from "../../../network/Endpoint.ts"
import { printable } from "../../../network/TerminalText.ts"
import type * as HostStatus from "../../../status/HostStatus.ts"
import type * as Peer from "../../../status/Peer.ts"

/** A peer of this command. */
export type Neighbour = Peer.Peer<HostStatus.HostStatus>

/** What happens to one. */
export type Change = Peer.Change<HostStatus.HostStatus>

const units: ReadonlyArray<readonly [unit: string, millis: number]> = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000]
]

/** A time at a glance, in one unit: `0.4s`, `90s`, `17m`, `30h`, `12d`. */
export const ago = (millis: number): string => {
  if (millis < 9_950) return `${(millis / 1_000).toFixed(1)}s`
  const [unit, size] = units.find(([, size]) => millis >= 2 * size) ?? ["s", 1_000]
  return `${Math.floor(millis / size)}${unit}`
}

/** Where a peer is; this one is nowhere else. */
export const addressOf = ({ address, self }: Neighbour): string => (self ? "" : Endpoint.format(address))

const rounded = (value: number) => Math.round(value * 10_000) / 10_000

/** A peer for JSON, whose escapes make any name safe; ages are milliseconds. */
export const record = (peer: Neighbour) => ({
  name: peer.name,
  id: peer.id,
  state: peer.state,
  ...(peer.self ? { self: true } : { address: peer.address.address, port: peer.address.port }),
  dialect: peer.dialect,
  age: Math.round(peer.age),
  missed: peer.missed,
  since: Math.round(peer.since),
  known: Math.round(peer.known),
  interval: peer.interval,
  loss: rounded(peer.loss),
  conflict: peer.conflict ? true : undefined,
  invalid: peer.invalid,
  payload: peer.payload
})

/** The longest reason of a payload that cannot be read, in characters. */
const longest = 120

const silent = ({ age }: Neighbour) => `silent for ${ago(age)}`

const sentences: Readonly<Record<Exclude<Change["_tag"], "Updated">, (peer: Neighbour) => string>> = {
  Joined: (peer) => (peer.self ? "joined: this is you" : `joined from ${addressOf(peer)}`),
  Restarted: () => "has started again",
  Suspect: (peer) => `is suspect: ${silent(peer)}`,
  Down: (peer) => `is down: ${silent(peer)}`,
  Left: () => "left",
  Alive: () => "is alive again",
  Conflict: ({ id }) => `is not the only one with id ${printable(id)}: one of them needs another NAME`,
  Forgotten: () => "is forgotten"
}

const placeOf = ({ payload }: Neighbour) => (payload === undefined ? undefined : `${payload.x},${payload.y}`)

/** What has changed of that which people look at; loads and the like change all the time. */
const updated = (before: Neighbour | undefined, after: Neighbour): string | undefined => {
  if (after.invalid !== undefined) {
    return before?.invalid === undefined
      ? `says what cannot be read: ${printable(after.invalid).slice(0, longest)}`
      : undefined
  }
  if (before !== undefined && before.name !== after.name) return `was ${printable(before.name)}`
  return placeOf(before ?? after) === placeOf(after) ? undefined : `moved to ${placeOf(after)}`
}

/** Peers that are remembered: as many as a table has, and no more if they are made up faster than one reads. */
const most = 8_192

/** One who makes a sentence of each change that is worth one. */
export const teller = () => {
  const known = new Map<string, Neighbour>()
  return ({ _tag, peer }: Change): string | undefined => {
    const before = known.get(peer.id)
    if (_tag === "Forgotten") known.delete(peer.id)
    else known.set(peer.id, peer)
    if (known.size > most) known.delete(known.keys().next().value!)
    const told = _tag === "Updated" ? updated(before, peer) : sentences[_tag](peer)
    const unread = _tag === "Joined" || _tag === "Restarted" ? updated(undefined, peer) : undefined
    if (told === undefined) return undefined
    return `${printable(peer.name)} ${told}${unread === undefined ? "" : `; ${unread}`}`
  }
}
