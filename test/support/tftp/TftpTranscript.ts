/** Conversations with a TFTP program as lines of text: the packets that peers send, and those they must receive. */

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

/** A datagram received by a peer. */
export interface Received {
  readonly bytes: Uint8Array
  readonly from: Endpoint.Endpoint
}

/** Formats a packet: `RRQ f octet blksize=8`, `DATA 1 512`, `ACK 1`, `OACK blksize=8`, `ERROR 5`. */
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

/** Encodes a packet in the notation of `textOf`; a quoted text is sent as bytes. */
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
      throw new Error(`not a packet: ${text}`)
  }
}

/** A party of a conversation, with its own socket. */
interface Peer {
  readonly socket: Network.UdpSocket
  readonly peer: Endpoint.Endpoint
  readonly inbox: Queue.Queue<Received>
  /** The source of the datagram received last. */
  lastSource: Endpoint.Endpoint | undefined
}

/** Options of a conversation. */
export interface Options {
  /** The host of the sockets. Default `client`. */
  readonly at?: "client" | "server" | undefined
  /** The endpoint that requests are sent to. */
  readonly endpoint?: Endpoint.Endpoint | undefined
  /** The content of the file: DATA received must match it, DATA sent is taken from it. */
  readonly content?: Uint8Array | undefined
}

/** The longest wait for a packet: longer than the timers of the tests. */
const packetTimeout = "30 seconds"

/**
 * Opens a conversation. A line is the letter of a peer, `>` to send or `<` to receive, and a packet:
 *
 * ```
 * a> RRQ f octet        sends a request to the endpoint; other packets go to the source of the last datagram it
 *                       received, or else of the last one that any peer received
 * a< DATA 1 512         asserts that this is the next packet it receives
 * a>> ACK 1             sends to the endpoint
 * a> "\u0000\u0009"     sends bytes
 * a-                    asserts that it receives nothing for some turns of the network
 * ```
 */
export const open = Effect.fnUntraced(function* ({ at = "client", content, endpoint }: Options = {}) {
  const host = (yield* Hosts)[at]
  const peers = new Map<string, Peer>()
  const received: Array<string> = []
  const context = yield* Effect.context<Hosts>()
  const scope = yield* Effect.scope
  let blksize = 512
  let latest: Endpoint.Endpoint | undefined

  const peer = Effect.fnUntraced(function* (name: string, options: Network.UdpOptions = {}) {
    const known = peers.get(name)
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
    const made: Peer = { socket, peer, inbox, lastSource: undefined }
    peers.set(name, made)
    return made
  })
  const block = (number: number, length: number) => {
    const from = (number - 1) * blksize
    return (content ?? new Uint8Array(from + length)).slice(from, from + length)
  }
  const trackBlksize = (text: string) => {
    const found = /^OACK.* blksize=(\d+)/i.exec(text)
    if (found !== null) blksize = Number(found[1])
    if (/^(RRQ|WRQ)/.test(text)) blksize = 512
  }
  const check = (bytes: Uint8Array, line: string) => {
    if (content === undefined || Packet.opcode(bytes) !== Packet.Opcode.DATA) return
    assert.deepStrictEqual(bytes.slice(4), block(Packet.wireBlock(bytes), bytes.length - 4), `${line}: the content`)
  }
  /** Waits for the next datagram of a peer. */
  const receive = Effect.fnUntraced(function* (name: string, line = "") {
    const one = yield* peer(name)
    const next = yield* Effect.timeoutOption(Queue.take(one.inbox), packetTimeout)
    if (Option.isNone(next)) return assert.fail(`${line}: no packet after ${received.join(", ")}`)
    const { bytes, from } = next.value
    one.lastSource = from
    latest = from
    received.push(`${name}< ${textOf(bytes)}`)
    return next.value
  })
  const send = Effect.fnUntraced(function* (name: string, text: string, toEndpoint = false) {
    const one = yield* peer(name)
    trackBlksize(text)
    const to = toEndpoint || /^(RRQ|WRQ)/.test(text) ? endpoint : (one.lastSource ?? latest ?? endpoint)
    one.socket.sendUnsafe(bytesOf(text, block), to)
  })
  const expectNothing = Effect.fnUntraced(function* (name: string) {
    yield* turns(20)
    const rest = yield* Queue.clear((yield* peer(name)).inbox)
    assert.deepStrictEqual(
      rest.map(({ bytes }) => textOf(bytes)),
      [],
      `${name} receives nothing after ${received.join(", ")}`
    )
  })
  const playAll = Effect.fnUntraced(function* (lines: ReadonlyArray<string>) {
    for (const line of lines) {
      const [, name = "", sign, text = ""] = /^(\w+)(>>|[<>-]) ?(.*)$/s.exec(line) ?? []
      if (sign === "-") yield* expectNothing(name)
      else if (sign !== "<") yield* send(name, text, sign === ">>")
      else {
        const { bytes } = yield* receive(name, line)
        assert.strictEqual(textOf(bytes), text, `${line}, after ${received.slice(0, -1).join(", ")}`)
        trackBlksize(text)
        check(bytes, line)
      }
    }
  }, Effect.provideContext(context))
  const play = (...lines: ReadonlyArray<string>) => playAll(lines)
  return { play, peer, receive: (name: string) => Effect.provideContext(receive(name), context) }
})
