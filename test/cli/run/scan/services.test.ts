import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { packageServices } from "../../../../src/network/names/WellKnownServices.ts"
import * as Cli from "../../../support/Cli.ts"

/** Addresses of this host that no other test uses: one for the default ports, one for free ones. */
const addresses = { default: "127.0.0.45", free: "127.0.0.46" } as const

const udpServices = ["tftp", "status"]

/** Names that `up` does not use for the ports of its services. */
const upNames = ["rot13", "hangman", "guess", "board", "primes", "tftp"]

/** Returns the options of `up` that select its ports. */
const portOptions = (isDefault: boolean) => (isDefault ? [] : upNames.flatMap((name) => [`--${name}-port`, "0"]))

/** Starts all services of `up` but the status peer, which answers no stranger, and returns their ports. */
const startUp = Effect.fnUntraced(function* (kind: keyof typeof addresses) {
  const isDefault = kind === "default"
  const args = ["up", "--json", "--host", addresses[kind], "--status-port", "0", ...portOptions(isDefault)]
  const up = yield* Cli.startInProcess(args)
  const ports = new Map<string, number>()
  for (const name of upNames) {
    const [line] = yield* up.waitForOutput("stdout", new RegExp(`^\\{"service":"${name}","state":"ready".*\\}$`, "m"))
    ports.set(name, (JSON.parse(line) as { readonly port: number }).port)
  }
  return ports
})

/** Scans ports, and returns the services by their ports. */
const scan = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const { stdout } = yield* Cli.runInProcess(["scan", ...args, "--open", "--json"])
  const values = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { type: string; port: number; service: string; identified: boolean })
  return Object.fromEntries(
    values.flatMap(({ identified, port, service, type }) => (type === "port" && identified ? [[port, service]] : []))
  )
})

describe("scan of the services of up", () => {
  it.live.each(["default", "free"] as const)("recognizes each of them on its %s port", (kind) =>
    Effect.gen(function* () {
      const ports = yield* startUp(kind)
      const expected = (isUdp: boolean) =>
        Object.fromEntries(
          upNames.filter((name) => udpServices.includes(name) === isUdp).map((name) => [ports.get(name)!, name])
        )
      const portsOf = (isUdp: boolean) => Object.keys(expected(isUdp)).join(",")
      assert.deepStrictEqual(yield* scan(addresses[kind], "--ports", portsOf(false)), expected(false))
      assert.deepStrictEqual(yield* scan(addresses[kind], "--udp", "--ports", portsOf(true)), expected(true))
    }).pipe(Effect.scoped)
  )

  it.live("recognizes a relay of status, and hangman of the other dialects, on free ports", () =>
    Effect.gen(function* () {
      const host = ["--host", addresses.free]
      const relay = yield* Cli.serveInProcess(["status", "--relay", ...host])
      assert.deepStrictEqual(yield* scan(addresses.free, "--udp", "--ports", `${relay.port}`), {
        [relay.port]: "status"
      })
      for (const dialect of ["friendly", "course"]) {
        const { port } = yield* Cli.serveInProcess(["hangman", "serve", "--dialect", dialect, ...host])
        assert.deepStrictEqual(yield* scan(addresses.free, "--ports", `${port}`), { [port]: "hangman" })
      }
    }).pipe(Effect.scoped)
  )

  it.live("has the ports of all of them by default", () =>
    Effect.gen(function* () {
      const { stdout } = yield* Cli.runInProcess(["scan", addresses.default, "--udp", "--no-identify", "--json"])
      const scanned = new Set(
        stdout
          .trim()
          .split("\n")
          .map((line) => (JSON.parse(line) as { port?: number }).port)
      )
      for (const { name, port, protocol } of packageServices) {
        if (protocol === "udp") assert.isTrue(scanned.has(port), name)
      }
      assert.isTrue(scanned.has(6_969), "tftp")
    })
  )
})
