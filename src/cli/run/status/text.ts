/** Peers and their changes, as text and as JSON. Pure. */

import * as Endpoint from "../../../network/Endpoint.ts"
import * as TerminalText from "../../../network/TerminalText.ts"
import type * as HostStatus from "../../../status/HostStatus.ts"
import type * as Peer from "../../../status/Peer.ts"

/** A peer with the status of a host. */
export type HostPeer = Peer.Peer<HostStatus.HostStatus>

/** A change of such a peer. */
export type Change = Peer.Change<HostStatus.HostStatus>

const units: ReadonlyArray<readonly [unit: string, millis: number]> = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000]
]

/** Formats a duration in one unit: `0.4s`, `90s`, `17m`, `30h`, `12d`. */
export const formatAge = (millis: number): string => {
  if (millis < 9_950) return `${(millis / 1_000).toFixed(1)}s`
  const [unit, size] = units.find(([, size]) => millis >= 2 * size) ?? ["s", 1_000]
  return `${Math.floor(millis / size)}${unit}`
}

/** Returns the address of a peer; empty for this one. */
export const addressOf = ({ address, self }: HostPeer): string => (self ? "" : Endpoint.format(address))

const rounded = (value: number) => Math.round(value * 10_000) / 10_000

/** Returns the JSON form of a peer, with ages in milliseconds. JSON escapes control characters in names. */
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

/** Length of the reason for an invalid payload. */
const maxReasonChars = 120

const silentFor = ({ age }: HostPeer) => `silent for ${formatAge(age)}`

const sentences: Readonly<Record<Exclude<Change["_tag"], "Updated">, (peer: HostPeer) => string>> = {
  Joined: (peer) => (peer.self ? "joined: this is you" : `joined from ${addressOf(peer)}`),
  Restarted: () => "restarted",
  Suspect: (peer) => `is suspect: ${silentFor(peer)}`,
  Down: (peer) => `is down: ${silentFor(peer)}`,
  Left: () => "left",
  Alive: () => "is alive again",
  Conflict: ({ id }) => `shares id ${TerminalText.escape(id)} with another peer: give one of them another NAME`,
  Forgotten: () => "was forgotten"
}

const positionOf = ({ payload }: HostPeer) => (payload === undefined ? undefined : `${payload.x},${payload.y}`)

/** Describes a change of name or position; metrics change all the time and are ignored. */
const describeUpdate = (before: HostPeer | undefined, after: HostPeer): string | undefined => {
  if (after.invalid !== undefined) {
    return before?.invalid === undefined
      ? `sent an invalid payload: ${TerminalText.escape(after.invalid).slice(0, maxReasonChars)}`
      : undefined
  }
  if (before !== undefined && before.name !== after.name)
    return `changed its name from ${TerminalText.escape(before.name)}`
  return positionOf(before ?? after) === positionOf(after) ? undefined : `moved to ${positionOf(after)}`
}

/**
 * Peers to remember: twice the size of a table, which limits memory if peers are forged faster than the output is read.
 */
const maxRememberedPeers = 8_192

/** Returns a function that describes changes, and skips unimportant ones. */
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
