/**
 * Features of a run: what happened in it, as hashes. A run with a feature that no earlier run had has reached something
 * new.
 *
 * A feature is a state, a fault of a kind of packet, or two successive events of a host, each with the number of times
 * that it occurred.
 */
import * as Packet from "../../network/Packet.ts"
import * as FaultRandom from "../faults/FaultRandom.ts"
import type * as Recording from "../Recording.ts"

/** Features of a run. */
export interface RunFeatures {
  /** States, in the order of their first time, and small digests: what the scenario says of itself. */
  readonly states: ReadonlySet<number>
  /** Successive events of hosts: the interleaving. */
  readonly details: ReadonlySet<number>
}

/** Recorder of the features of one run. */
export interface FeatureRecorder {
  readonly record: Recording.Recorder
  readonly features: () => RunFeatures
}

/** Digests with at most this number of bytes are states; larger ones differ in each run. */
const maxStateBytes = 64

/** Most characters of a log line that are compared. */
const maxLogChars = 60

/** Replaces numbers, which differ in each run. */
const withoutNumbers = (text: string) => text.replaceAll(/\d+(?:\.\d+)?/g, "#")

/** Returns the name of a number of times: exact up to 3, then by powers of two. */
const bucketOf = (count: number) => (count <= 3 ? count : 2 + Math.floor(Math.log2(count)))

const mixed = (one: number, other: number) => {
  const state = Math.imul(one ^ (one >>> 15), 0x9e3779b1) ^ other
  return Math.imul(state ^ (state >>> 13), 0x85ebca6b) >>> 0
}

/** Hashes texts, each once. */
const makeHashes = () => {
  const known = new Map<string, number>()
  return (text: string) => {
    const found = known.get(text)
    if (found !== undefined) return found
    const hash = FaultRandom.hash(text)
    known.set(text, hash)
    return hash
  }
}

/** Creates a recorder of features; `dissectors` tell the kinds of payloads. */
export const make = (dissectors: ReadonlyArray<Packet.Dissector> = []): FeatureRecorder => {
  const hash = makeHashes()
  const states = new Set<number>()
  const counts = new Map<number, number>()
  /** Last event of each host. */
  const last = new Map<string, number>()
  /** Names of hosts by address, as far as they have sent. */
  const names = new Map<string, string>()
  let stateHash = 0
  const count = (feature: number) => counts.set(feature, (counts.get(feature) ?? 0) + 1)
  /** Counts an event of a host together with the one before it, in the state of the run. */
  const follow = (host: string, event: number) => {
    count(mixed(mixed(hash(host), last.get(host) ?? 0), mixed(event, stateHash)))
    last.set(host, event)
  }
  const reach = (state: number) => {
    states.add(state)
    states.add(mixed(stateHash, state))
    stateHash = state
  }
  const onPacket = ({ packet }: Recording.PacketEvent) => {
    const { bytes, fault, from, host, kind, to } = packet
    const word = bytes.length === 0 ? kind : (Packet.dissect(dissectors, packet)?.kind ?? kind)
    const event = hash(`${word} ${from.address}>${to.address}${packet.lost === true ? " lost" : ""}`)
    names.set(from.address, host)
    follow(host, event)
    follow(names.get(to.address) ?? to.address, event)
    if (fault !== undefined) count(mixed(event, hash(withoutNumbers(fault))))
  }
  const record: Recording.Recorder = (event) => {
    switch (event._tag) {
      case "Packet":
        return onPacket(event)
      case "Log":
        return follow(event.host ?? "", hash(`log ${withoutNumbers(event.message.slice(0, maxLogChars))}`))
      case "Host":
        return follow(event.host, hash(`host ${event.event}`))
      case "Link":
        return follow("", hash(`link ${event.event} ${event.detail}`))
      case "Disk":
        return follow(event.host, hash(`disk ${event.operation} ${withoutNumbers(event.path)} ${event.fault ?? ""}`))
      case "Switch":
        return follow("", hash(`switch ${event.step ?? ""}`))
      case "Digest":
        if (event.bytes.length > maxStateBytes) return
        return reach(hash(`${event.host ?? ""} ${event.label} ${new TextDecoder().decode(event.bytes)}`))
      case "Reached":
        return reach(hash(event.label))
    }
  }
  return {
    record,
    features: () => ({
      states,
      details: new Set(Array.from(counts, ([feature, times]) => mixed(feature, bucketOf(times))))
    })
  }
}
