/** Peers and what happens to them, as sentences and as values for JSON. Pure. */

import * as Endpoint from "../../../network/Endpoint.ts"
import * as TerminalText from "../../../network/TerminalText.ts"
import type * as HostStatus from "../../../status/HostStatus.ts"
import type * as Peer from "../../../status/Peer.ts"

/** A peer of this command. */
export type HostPeer = Peer.Peer<HostStatus.HostStatus>

/** What happens to one. */
export type Change = Peer.Change<HostStatus.HostStatus>

const units: ReadonlyArray<readonly [unit: string, millis: number]> = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000]
]

/** A time at a glance, in one unit: `0.4s`, `90s`, `17m`, `30h`, `12d`. */
export const formatAge = (millis: number): string => {
  if (millis < 9_950) return `${(millis / 1_000).toFixed(1)}s`
  const [unit, size] = units.find(([, size]) => millis >= 2 * size) ?? ["s", 1_000]
  return `${Math.floor(millis / size)}${unit}`
}

/** Where a peer is; this one is nowhere else. */
export const addressOf = ({ address, self }: HostPeer): string => (self ? "" : Endpoint.format(address))

const rounded = (value: number) => Math.round(value * 10_000) / 10_000

/** A peer for JSON, whose escapes make any name safe; ages are milliseconds. */
export const toJson = (peer: HostPeer) => ({
  name: peer.name,
  id: peer.id,
  state: peer.state,
  ...(peer.self ? { self: true } : { address: peer.address.address, port: peer.address.port }),
  dialect: peer.dialect,
  age: Math.round(peer.age),
  missed: peer.missed,
  since: Math.round(peer.stateAge),
  known: Math.round(peer.knownFor),
  interval: peer.interval,
  loss: rounded(peer.loss),
  conflict: peer.conflict ? true : undefined,
  invalid: peer.invalid,
  payload: peer.payload
})

/** The longest reason of a payload that cannot be read, in characters. */
const maxReasonChars = 120

const silentFor = ({ age }: HostPeer) => `silent for ${formatAge(age)}`

const sentences: Readonly<Record<Exclude<Change["_tag"], "Updated">, (peer: HostPeer) => string>> = {
  Joined: (peer) => (peer.self ? "joined: this is you" : `joined from ${addressOf(peer)}`),
  Restarted: () => "has started again",
  Suspect: (peer) => `is suspect: ${silentFor(peer)}`,
  Down: (peer) => `is down: ${silentFor(peer)}`,
  Left: () => "left",
  Alive: () => "is alive again",
  Conflict: ({ id }) => `is not the only one with id ${TerminalText.escape(id)}: one of them needs another NAME`,
  Forgotten: () => "is forgotten"
}

const positionOf = ({ payload }: HostPeer) => (payload === undefined ? undefined : `${payload.x},${payload.y}`)

/** What has changed of that which people look at; loads and the like change all the time. */
const describeUpdate = (before: HostPeer | undefined, after: HostPeer): string | undefined => {
  if (after.invalid !== undefined) {
    return before?.invalid === undefined
      ? `says what cannot be read: ${TerminalText.escape(after.invalid).slice(0, maxReasonChars)}`
      : undefined
  }
  if (before !== undefined && before.name !== after.name) return `was ${TerminalText.escape(before.name)}`
  return positionOf(before ?? after) === positionOf(after) ? undefined : `moved to ${positionOf(after)}`
}

/** Peers that are remembered: as many as a table has, and no more if they are made up faster than one reads. */
const maxRememberedPeers = 8_192

/** One who makes a sentence of each change that is worth one. */
export const changeDescriber = () => {
  const peers = new Map<string, HostPeer>()
  return ({ _tag, peer }: Change): string | undefined => {
    const before = peers.get(peer.id)
    if (_tag === "Forgotten") peers.delete(peer.id)
    else peers.set(peer.id, peer)
    if (peers.size > maxRememberedPeers) peers.delete(peers.keys().next().value!)
    const event = _tag === "Updated" ? describeUpdate(before, peer) : sentences[_tag](peer)
    const problem = _tag === "Joined" || _tag === "Restarted" ? describeUpdate(undefined, peer) : undefined
    if (event === undefined) return undefined
    return `${TerminalText.escape(peer.name)} ${event}${problem === undefined ? "" : `; ${problem}`}`
  }
}
