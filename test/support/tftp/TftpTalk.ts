/** Conversations with a TFTP program as lines of text: what peers say, and what they must hear. */

import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NetAddress from "effect/net/NetAddress"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import type * as Endpoint from "../../../src/network/Endpoint.ts"
import type * as Network from "../../../src/network/Network.ts"
import * as Packet from "../../../src/tftp/protocol/Packet.ts"
import { Hosts, turns } from "../Hosts.ts"

/** What a peer has heard. */
export interface Received {
  readonly bytes: Uint8Array
  readonly from: Endpoint.Endpoint
}

/** A packet in few words: `RRQ f octet blksize=8`, `DATA 1 512`, `ACK 1`, `OACK blksize=8`, `ERROR 5`. */
export const textOf = (bytes: Uint8Array): string => {
  const packet = Result.getOrThrow(Packet.decode(bytes))
  const words = (options: ReadonlyArray<Packet.Option>) => options.map((option) => ` ${option.join("=")}`).join("")
  switch (packet._tag) {
    case "DATA":
      return `DATA ${packet.block} ${packet.bytes.length}`
    case "ACK":
      return `ACK ${packet.block}`
    case "ERROR":
      return `ERROR ${packet.code}`
    case "OACK":
      return `OACK${words(packet.options)}`
    default:
      return `${packet._tag} ${packet.filename} ${packet.mode}${words(packet.options)}`
  }
}

const optionOf = (word: string): Packet.Option => {
  const at = word.indexOf("=")
  return [word.slice(0, at), word.slice(at + 1)]
}

/** Says nothing that the protocol forbids to send again: an attacker has no rules, and its bytes are quoted. */
const bytesOf = (text: string, block: (number: number, length: number) => Uint8Array): Uint8Array => {
  if (text.startsWith('"')) return Uint8Array.from(JSON.parse(text) as string, (char) => char.charCodeAt(0))
  const [tag = "", first = "", second = "", ...rest] = text.split(" ")
  switch (tag) {
    case "RRQ":
    case "WRQ":
      return Packet.encode({ _tag: tag, filename: first, mode: second as Packet.Mode, options: rest.map(optionOf) })
    case "DATA":
      return Packet.encode({ _tag: "DATA", block: Number(first) % 65_536, bytes: block(Number(first), Number(second)) })
    case "ACK":
      return Packet.encode({ _tag: "ACK", block: Number(first) % 65_536 })
    case "ERROR":
      return Packet.encode({ _tag: "ERROR", code: Number(first), message: second })
    case "OACK":
      return Packet.encode({ _tag: "OACK", options: [first, second, ...rest].filter(Boolean).map(optionOf) })
    default:
      throw new Error(`no packet: ${text}`)
  }
}

interface Speaker {
  readonly socket: Network.UdpSocket
  readonly peer: Endpoint.Endpoint
  readonly inbox: Queue.Queue<Received>
  /** Whom it has heard last. */
  other: Endpoint.Endpoint | undefined
}

/** How a conversation is set up. */
export interface Options {
  /** Whose sockets the speakers have. Default `client`. */
  readonly at?: "client" | "server" | undefined
  /** Where requests go. */
  readonly endpoint?: Endpoint.Endpoint | undefined
  /** What the file holds: DATA heard must be of it, DATA said is of it. */
  readonly content?: Uint8Array | undefined
}

/** How long is waited for a packet: more than a timer of a test, less than the patience of its reader. */
const patience = "10 seconds"

/**
 * Opens a conversation. A line is a speaker's letter, `>` for what it says or `<` for what it hears next, and a packet:
 *
 * ```
 * a> RRQ f octet        to the endpoint; anything else goes to whom it heard last, or else whom anybody heard last
 * a< DATA 1 512         the next that comes, whatever else has not come yet
 * a>> ACK 1             to the endpoint
 * a> "\u0000\u0009"     any bytes
 * a-                    hears nothing for a while
 * ```
 */
export const open = Effect.fnUntraced(function* ({ at = "client", content, endpoint }: Options = {}) {
  const host = (yield* Hosts)[at]
  const speakers = new Map<string, Speaker>()
  const heard: Array<string> = []
  const context = yield* Effect.context<Hosts>()
  const scope = yield* Effect.scope
  let blksize = 512
  let latest: Endpoint.Endpoint | undefined

  const speaker = Effect.fnUntraced(function* (name: string, options: Network.UdpOptions = {}) {
    const known = speakers.get(name)
    if (known !== undefined) return known
    const inbox = yield* Queue.unbounded<Received>()
    const socket = yield* Effect.provideService(
      host.network.udp({ host: host.address, ...options }, (bytes, from) =>
        Queue.offerUnsafe(inbox, { bytes: bytes.slice(), from })
      ),
      Scope.Scope,
      scope
    )
    const peer = { address: NetAddress.formatIp(socket.local.address), port: socket.local.port }
    const made: Speaker = { socket, peer, inbox, other: undefined }
    speakers.set(name, made)
    return made
  })
  const block = (number: number, length: number) => {
    const from = (number - 1) * blksize
    return (content ?? new Uint8Array(from + length)).slice(from, from + length)
  }
  const learn = (text: string) => {
    const found = /^OACK.* blksize=(\d+)/i.exec(text)
    if (found !== null) blksize = Number(found[1])
    if (/^(RRQ|WRQ)/.test(text)) blksize = 512
  }
  const check = (bytes: Uint8Array, line: string) => {
    if (content === undefined || Packet.opcode(bytes) !== Packet.Opcode.DATA) return
    assert.deepStrictEqual(bytes.slice(4), block(Packet.wireBlock(bytes), bytes.length - 4), `${line}: the content`)
  }
  /** What a speaker hears next. */
  const hear = Effect.fnUntraced(function* (name: string, line = "") {
    const one = yield* speaker(name)
    const next = yield* Effect.timeoutOption(Queue.take(one.inbox), patience)
    if (Option.isNone(next)) return assert.fail(`${line}: nothing came after ${heard.join(", ")}`)
    const { bytes, from } = next.value
    one.other = from
    latest = from
    heard.push(`${name}< ${textOf(bytes)}`)
    return next.value
  })
  const say = Effect.fnUntraced(function* (name: string, text: string, toDoor = false) {
    const one = yield* speaker(name)
    learn(text)
    const to = toDoor || /^(RRQ|WRQ)/.test(text) ? endpoint : (one.other ?? latest ?? endpoint)
    one.socket.sendUnsafe(bytesOf(text, block), to)
  })
  const silent = Effect.fnUntraced(function* (name: string) {
    yield* turns(20)
    const rest = yield* Queue.clear((yield* speaker(name)).inbox)
    assert.deepStrictEqual(
      rest.map(({ bytes }) => textOf(bytes)),
      [],
      `${name} hears nothing after ${heard.join(", ")}`
    )
  })
  const playAll = Effect.fnUntraced(function* (lines: ReadonlyArray<string>) {
    for (const line of lines) {
      const [, name = "", sign, text = ""] = /^(\w+)(>>|[<>-]) ?(.*)$/s.exec(line) ?? []
      if (sign === "-") yield* silent(name)
      else if (sign !== "<") yield* say(name, text, sign === ">>")
      else {
        const { bytes } = yield* hear(name, line)
        assert.strictEqual(textOf(bytes), text, `${line}, after ${heard.slice(0, -1).join(", ")}`)
        learn(text)
        check(bytes, line)
      }
    }
  }, Effect.provideContext(context))
  const play = (...lines: ReadonlyArray<string>) => playAll(lines)
  return { play, speaker, hear: (name: string) => Effect.provideContext(hear(name), context) }
})
