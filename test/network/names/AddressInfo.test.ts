import * as NodeDns from "@effect/platform-node/NodeDns"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Dns from "effect/net/Dns"
import * as Host from "effect/net/Host"
import * as IpInterface from "effect/net/IpInterface"
import * as NetAddress from "effect/net/NetAddress"
import * as Schema from "effect/Schema"
import { type Interface, Network, NetworkError, type UdpOptions, type UdpSocket } from "../../../src/network/Network.ts"
import * as AddressInfo from "../../../src/network/names/AddressInfo.ts"
import * as ServiceNames from "../../../src/network/names/ServiceNames.ts"
import * as NodeNetwork from "../../../src/network/node/NodeNetwork.ts"

const interfaceOf = (name: string, address: string, scopeId = 0): Interface => ({
  name,
  ...(name === "lo" ? { index: 1 } : {}),
  address: IpInterface.fromStringUnsafe(address),
  scopeId,
  loopback: name === "lo",
  mac: "00:00:00:00:00:00"
})
const loopback = [interfaceOf("lo", "127.0.0.1/8"), interfaceOf("lo", "::1/128")]
const lan4 = interfaceOf("eth0", "10.0.0.2/24")
const lan6 = interfaceOf("eth0", "2001:db8:1::2/64")
const link = interfaceOf("eth0", "fe80::2/64", 3)

/** A host that uses its first address of the right family and scope as source. */
const fakeNetwork = (interfaces: ReadonlyArray<Interface>) => {
  const open = new Set<object>()
  const udp = ({ remote }: UdpOptions) => {
    const to = NetAddress.ipFromStringUnsafe(remote!.address.replace(/%.*/, ""))
    const from = interfaces.find(
      ({ address: { address }, loopback }) =>
        NetAddress.familyOf(address) === NetAddress.familyOf(to) && loopback === NetAddress.isLoopback(to)
    )
    if (from === undefined) return Effect.fail(new NetworkError({ reason: "Unreachable" }))
    const socket = { local: NetAddress.inetAddressUnsafe(from.address.address, 40_000) } as UdpSocket
    return Effect.acquireRelease(
      Effect.sync(() => open.add(socket)),
      () => Effect.sync(() => void open.delete(socket))
    ).pipe(Effect.as(socket))
  }
  const unused = () => Effect.die("not part of this test")
  const network = {
    connect: unused,
    listen: unused,
    udp,
    interfaces: Effect.succeed(interfaces),
    availableSockets: () => Infinity
  }
  return { open, layer: Layer.succeed(Network, network) }
}

const cname = (target: string) => Dns.makeRecordUnsafe("CNAME", { target: Host.domainNameFromStringUnsafe(target) })
const hosts = {
  "both.test": ["10.0.0.9", "2001:db8:1::9", "192.0.2.1"],
  "four.test": ["192.0.2.4"],
  "www.test": ["192.0.2.4"],
  "round.test": ["192.0.2.4"],
  localhost: ["127.0.0.1"]
}
const records = {
  "www.test": [cname("web.test.")],
  "web.test": [cname("both.test.")],
  "round.test": [cname("about.test.")],
  "about.test": [cname("round.test.")]
}
const statics = Layer.merge(Layer.orDie(Dns.layerStatic({ hosts, records })), ServiceNames.layerBuiltIn)

type Parameters = readonly [host: string | undefined, service?: string | number | undefined, hints?: AddressInfo.Hints]
const ask = (
  [host, service, hints]: Parameters,
  interfaces: ReadonlyArray<Interface> = [...loopback, lan4, lan6, link]
) => Effect.provide(AddressInfo.getaddrinfo(host, service, hints), Layer.merge(statics, fakeNetwork(interfaces).layer))
const show = ({ address, protocol }: AddressInfo.AddressInfo) => `${protocol} ${address}`
const refusal = (parameters: Parameters, interfaces?: ReadonlyArray<Interface>) =>
  Effect.flip(ask(parameters, interfaces))

const found: ReadonlyArray<readonly [string, Parameters, ReadonlyArray<string>]> = [
  ["a name and a service", ["both.test", "http"], ["tcp [2001:db8:1::9]:80", "tcp 10.0.0.9:80", "tcp 192.0.2.1:80"]],
  ["one for each transport", ["four.test", "domain"], ["tcp 192.0.2.4:53", "udp 192.0.2.4:53"]],
  ["a service of this package", ["four.test", "hangman"], ["tcp 192.0.2.4:1066"]],
  ["a service by number", ["four.test", "69"], ["tcp 192.0.2.4:69", "udp 192.0.2.4:69"]],
  ["no service", ["four.test", undefined, { socktype: "dgram" }], ["udp 192.0.2.4:0"]],
  ["a socket type", ["four.test", 53, { socktype: "stream" }], ["tcp 192.0.2.4:53"]],
  ["a protocol", ["four.test", 53, { protocol: "udp" }], ["udp 192.0.2.4:53"]],
  ["a family", ["both.test", "http", { family: 6 }], ["tcp [2001:db8:1::9]:80"]],
  ["the other family", ["both.test", "http", { family: 4 }], ["tcp 10.0.0.9:80", "tcp 192.0.2.1:80"]],
  ["this host", [undefined, "http"], ["tcp [::1]:80", "tcp 127.0.0.1:80"]],
  ["any address of this host", [undefined, "http", { passive: true, family: 6 }], ["tcp [::]:80"]],
  ["passive with a host", ["four.test", "http", { passive: true }], ["tcp 192.0.2.4:80"]],
  ["a literal", ["2001:DB8::0:1", "ssh"], ["tcp [2001:db8::1]:22"]],
  [
    "a literal where only literals are allowed",
    ["192.0.2.7", 22, { numericHost: true, numericService: true, protocol: "tcp" }],
    ["tcp 192.0.2.7:22"]
  ],
  ["a named zone", ["fe80::1%eth0", "ssh"], ["tcp [fe80::1%3]:22"]],
  ["the zone of an interface without a link-local address", ["fe80::1%lo", "ssh"], ["tcp [fe80::1%1]:22"]],
  ["a numbered zone", ["fe80::1%7", "ssh"], ["tcp [fe80::1%7]:22"]],
  ["an IPv4-mapped address", ["four.test", "ssh", { family: 6, v4mapped: true }], ["tcp [::ffff:192.0.2.4]:22"]],
  ["no mapping for a host with IPv6", ["both.test", "ssh", { family: 6, v4mapped: true }], ["tcp [2001:db8:1::9]:22"]],
  ["localhost without an entry for IPv6", ["localhost", "ssh", { family: 6 }], ["tcp [::1]:22"]]
]

const refused: ReadonlyArray<readonly [Parameters, AddressInfo.Reason["_tag"], string]> = [
  [["nosuch.invalid", 80], "NameNotFound", "nosuch.invalid: no such host"],
  [["nosuch.test", 80], "NameNotFound", "nosuch.test: no such host"],
  [["four.test", 80, { family: 6 }], "NameNotFound", "four.test: no such host, or none with an IPv6 address"],
  [["a b", 80], "MalformedHost", '"a b" is not a host: invalid domain name'],
  [["", 80], "MalformedHost", '"" is not a host: domain name must not be empty'],
  [["a\nb.invalid", 80], "MalformedHost", '"a\\nb.invalid" is not a host: invalid domain name'],
  [["1.2.3", 80], "MalformedHost", '"1.2.3" is not a host: the last domain name label must not be numeric'],
  [
    ["four.test", 80, { numericHost: true }],
    "NotNumeric",
    '"four.test" is a name: give an IP literal such as 127.0.0.1 or ::1'
  ],
  [["four.test", "http", { numericService: true }], "NotNumeric", '"http" is a name: give a port from 0 to 65535'],
  [["four.test", 65536], "ServiceNotFound", "invalid port 65536: must be a whole number from 0 to 65535"],
  [["four.test", "-1"], "ServiceNotFound", "invalid port -1: must be a whole number from 0 to 65535"],
  [
    ["four.test", "abc"],
    "ServiceNotFound",
    'unknown service "abc" over tcp or udp: give a name of the services file or a port from 0 to 65535'
  ],
  [
    ["four.test", "tftp", { socktype: "stream" }],
    "ServiceNotFound",
    'unknown service "tftp" over tcp: give a name of the services file or a port from 0 to 65535'
  ],
  [
    ["four.test", 80, { socktype: "stream", protocol: "udp" }],
    "SocktypeMismatch",
    "udp does not carry stream sockets: tcp carries stream, udp carries dgram"
  ],
  [
    ["127.0.0.1", 80, { family: 6 }],
    "FamilyMismatch",
    "127.0.0.1 is not an IPv6 address: leave the family out, or give an IPv6 address"
  ],
  [
    ["::1", 80, { family: 4, v4mapped: true }],
    "FamilyMismatch",
    "::1 is not an IPv4 address: leave the family out, or give an IPv4 address"
  ],
  [["fe80::1%eth7", 80], "UnknownZone", 'fe80::1%eth7: no interface "eth7" with an address']
]

describe("AddressInfo", () => {
  for (const [what, parameters, expected] of found) {
    it.effect(`getaddrinfo: ${what}`, () =>
      Effect.gen(function* () {
        assert.deepStrictEqual((yield* ask(parameters)).map(show), expected)
      })
    )
  }

  for (const [parameters, tag, message] of refused) {
    it.effect(`getaddrinfo refuses ${JSON.stringify(parameters)}`, () =>
      Effect.gen(function* () {
        const error = yield* refusal(parameters)
        assert.deepStrictEqual([error.reason._tag, error.message], [tag, message])
      })
    )
  }

  it.effect("getaddrinfo returns family, socket type and protocol of each address", () =>
    Effect.gen(function* () {
      const [first, second] = yield* ask(["four.test", 7])
      const address = NetAddress.inetAddressFromStringUnsafe("192.0.2.4:7")
      assert.deepStrictEqual(first, {
        family: 4,
        socktype: "stream",
        protocol: "tcp",
        address
      } as AddressInfo.AddressInfo)
      assert.deepStrictEqual(second, {
        family: 4,
        socktype: "dgram",
        protocol: "udp",
        address
      } as AddressInfo.AddressInfo)
    })
  )

  it.effect("getaddrinfo sorts unreachable addresses last", () =>
    Effect.gen(function* () {
      const reached = yield* ask(["both.test", "http"], [...loopback, lan4])
      assert.deepStrictEqual(reached.map(show), ["tcp 10.0.0.9:80", "tcp 192.0.2.1:80", "tcp [2001:db8:1::9]:80"])
    })
  )

  it.effect("getaddrinfo excludes an unconfigured family with addressConfig", () =>
    Effect.gen(function* () {
      const onlyFour = [...loopback, lan4]
      const configured = (
        host: string | undefined,
        hints: AddressInfo.Hints = {},
        interfaces: ReadonlyArray<Interface> = onlyFour
      ) => Effect.map(ask([host, "ssh", { addressConfig: true, ...hints }], interfaces), (all) => all.map(show))
      assert.deepStrictEqual(yield* configured("both.test"), ["tcp 10.0.0.9:22", "tcp 192.0.2.1:22"])
      assert.deepStrictEqual(yield* configured(undefined), ["tcp 127.0.0.1:22"])
      assert.deepStrictEqual(yield* configured("2001:db8::7"), ["tcp [2001:db8::7]:22"])
      assert.deepStrictEqual(yield* configured("both.test", {}, [...loopback, lan6]), ["tcp [2001:db8:1::9]:22"])
      assert.deepStrictEqual(yield* configured(undefined, {}, loopback), ["tcp [::1]:22", "tcp 127.0.0.1:22"])
      const error = yield* refusal(["both.test", 22, { addressConfig: true, family: 6 }], onlyFour)
      assert.strictEqual(
        error.message,
        "this host has no IPv6 address except loopback; use IPv4, or leave addressConfig out"
      )
    })
  )

  it.effect("getaddrinfo returns the last alias as canonical name, once", () =>
    Effect.gen(function* () {
      const names = (host: string) =>
        Effect.map(ask([host, 80, { canonicalName: true }]), (all) => all.map(({ canonicalName }) => canonicalName))
      assert.deepStrictEqual(yield* names("www.test"), ["both.test", undefined])
      assert.deepStrictEqual(yield* names("four.test"), ["four.test", undefined])
      assert.deepStrictEqual(yield* names("round.test"), ["about.test", undefined])
      assert.deepStrictEqual(yield* names("::1"), ["::1", undefined])
    })
  )

  it.effect("getaddrinfo distinguishes temporary from permanent failures of the name service", () =>
    Effect.gen(function* () {
      const reasons: ReadonlyArray<readonly [Dns.DnsErrorReason, string]> = [
        ["Timeout", "Temporary"],
        ["ServerFailure", "Temporary"],
        ["Refused", "Failed"],
        ["Unknown", "Failed"]
      ]
      for (const [reason, tag] of reasons) {
        const failing = Dns.make({
          lookup: (hostname) => Effect.fail(new Dns.DnsError({ reason, method: "lookup", hostname }))
        })
        const error = yield* Effect.flip(AddressInfo.getaddrinfo("x.test", 80)).pipe(
          Effect.provide(
            Layer.mergeAll(Layer.succeed(Dns.Dns, failing), ServiceNames.layerBuiltIn, fakeNetwork(loopback).layer)
          )
        )
        assert.strictEqual(error.reason._tag, tag)
        assert.include(error.message, `x.test: the name service`)
      }
    })
  )

  const anyText = Arbitrary.schema(Schema.UndefinedOr(Schema.String))
  it.effect.prop(
    "getaddrinfo returns addresses or fails with a message of one line, for any host and service",
    [anyText, anyText],
    ([host, service]) =>
      Effect.gen(function* () {
        const fake = fakeNetwork([...loopback, lan4, lan6])
        const result = yield* AddressInfo.getaddrinfo(host, service).pipe(
          Effect.provide(Layer.merge(statics, fake.layer)),
          Effect.match({ onFailure: (error) => error.message, onSuccess: (all) => all.map(show).join(" ") })
        )
        assert.match(result, /^[^\n\r]+$/)
        assert.strictEqual(fake.open.size, 0)
      })
  )

  const host = Layer.mergeAll(
    NodeDns.layer,
    NodeNetwork.layer,
    ServiceNames.layer().pipe(Layer.provide(NodeFileSystem.layer))
  )
  it.live("getaddrinfo resolves localhost to loopback on this host", () =>
    Effect.gen(function* () {
      const all = yield* AddressInfo.getaddrinfo("localhost", "http")
      assert.isTrue(
        all.every(
          ({ address, protocol }) => NetAddress.isLoopback(address.address) && address.port === 80 && protocol === "tcp"
        )
      )
      const own = yield* AddressInfo.getaddrinfo(undefined, "rot13", { socktype: "stream", family: 4 })
      assert.deepStrictEqual(own.map(show), ["tcp 127.0.0.1:1067"])
      const any = yield* AddressInfo.getaddrinfo(undefined, 1067, { passive: true, socktype: "stream" })
      assert.sameMembers(any.map(show), ["tcp 0.0.0.0:1067", "tcp [::]:1067"])
    }).pipe(Effect.provide(host))
  )

  it.live("candidates returns a loopback source for a loopback destination on this host", () =>
    Effect.gen(function* () {
      const [one] = yield* AddressInfo.candidates([NetAddress.inetAddressFromStringUnsafe("127.0.0.9:1")])
      assert.strictEqual(String(one!.source), "127.0.0.1")
      assert.strictEqual(one!.prefixLength, 8)
    }).pipe(Effect.provide(NodeNetwork.layer))
  )
})
