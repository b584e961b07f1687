/** Probes of the services of this package, for a scan. No request changes anything at its server. */
import type { ServiceProbe } from "../../../inspect/scan/ServiceProbe.ts"
import * as CourseProtocol from "../../../primes/CourseProtocol.ts"
import * as Rot13 from "../../../rot13/Rot13.ts"
import * as RelayMessage from "../../../status/wire/RelayMessage.ts"

const ascii = (text: string) => new TextEncoder().encode(text)
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes.subarray(0, 200))

const byPattern =
  (service: string, pattern: RegExp, detail?: string): ServiceProbe["identify"] =>
  (reply) =>
    pattern.test(textOf(reply)) ? { service, detail } : undefined

const rot13Text = "effect-inet scan\n"
const rot13Reply = textOf(Rot13.rotate(ascii(rot13Text)))

/** The line of a request of HTTP as a server of rot13 returns it. */
const rot13Http = textOf(Rot13.rotate(ascii("GET / HTTP/1.0")))

const identifyRot13: ServiceProbe["identify"] = (reply) => {
  const text = textOf(reply)
  return text === rot13Reply || text.startsWith(rot13Http) ? { service: "rot13" } : undefined
}

/** The primes below 10: 4, or 6 by a server of the course, which counts 0 and 1. */
const primesBelowTen = new Map([
  [4, undefined],
  [6, "counts 0 and 1, as that of the course"]
])

const identifyPrimes: ServiceProbe["identify"] = (reply) => {
  if (reply.length !== CourseProtocol.messageBytes.response) return undefined
  const [count = -1] = CourseProtocol.responseDecoder().push(reply)
  return primesBelowTen.has(count) ? { service: "primes", detail: primesBelowTen.get(count) } : undefined
}

/** A request for a subscription of no time: the relay answers with a challenge, and keeps nothing. */
const subscribe = RelayMessage.encode({
  _tag: "Subscribe",
  lease: 0,
  cookie: new Uint8Array(RelayMessage.sizeBytes.cookie)
})

/** Messages that only a relay sends. */
const relayReplies: ReadonlySet<RelayMessage.RelayMessage["_tag"]> = new Set(["Challenge", "Granted", "Full"])

/** Probes of the services of this package. */
export const probes: ReadonlyArray<ServiceProbe> = [
  {
    service: "hangman",
    transport: "tcp",
    ports: [],
    identify: byPattern("hangman", /^Playing hangman on host|^ -{3,} {3}\d+\n|^Hangman: /)
  },
  {
    service: "rot13",
    transport: "tcp",
    ports: [1_067],
    request: ascii(rot13Text),
    isSelfDescribing: true,
    identify: identifyRot13
  },
  { service: "rot13", transport: "udp", ports: [1_067], request: ascii(rot13Text), identify: identifyRot13 },
  {
    service: "board",
    transport: "tcp",
    ports: [1_069],
    request: ascii("hello\n"),
    isSelfDescribing: true,
    identify: (reply) => {
      const size = /^hello \d+ size (\d+)/.exec(textOf(reply))?.[1]
      if (size !== undefined) return { service: "board", detail: `${size} by ${size} squares` }
      return /^error (unknown|usage|line|control): /.test(textOf(reply)) ? { service: "board" } : undefined
    }
  },
  {
    service: "guess",
    transport: "tcp",
    ports: [1_500],
    // The number is never 0.
    request: ascii("0\n"),
    isSelfDescribing: true,
    identify: byPattern("guess", /^too (small|big)\n/)
  },
  {
    service: "primes",
    transport: "tcp",
    ports: [1_070],
    request: CourseProtocol.encodeRequest({ min: 0, max: 10 }),
    identify: identifyPrimes
  },
  {
    service: "status",
    transport: "udp",
    ports: [2_066],
    request: subscribe,
    identify: (reply) => {
      const message = RelayMessage.decode(reply)
      // A server that echoes returns the request, which is a message of a relay, too.
      const isOfRelay = message !== undefined && relayReplies.has(message._tag)
      return isOfRelay ? { service: "status", detail: "relay" } : undefined
    }
  }
]
