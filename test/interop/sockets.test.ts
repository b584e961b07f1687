/**
 * The table of `sockets` beside ss(8) and lsof(8), socket by socket.
 *
 * A Python program opens the sockets: Node has neither unix datagrams nor sequenced packets, nor connections that it
 * does not accept.
 */
import { execFileSync } from "node:child_process"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Cli from "../support/Cli.ts"
import * as Directory from "../support/Directory.ts"
import { pause } from "../support/Pause.ts"
import { have, start } from "../support/Shell.ts"
import { works } from "../support/SystemOrder.ts"

const program = Path.join(import.meta.dirname, "sockets.py")

const missing = have("ss", "lsof", "python3") ? "" : " (skipped: no ss, lsof or python3)"

const noNamespace =
  missing || (works("unshare", ["-n", "true"]) && have("nsenter", "ip") ? "" : " (skipped: no network namespaces)")

/** Attempts to get two equal lists: sockets may change between the two readings. */
const maxAttempts = 40

/** A process and a descriptor. */
type Holder = readonly [pid: number, descriptor: number]

/** Text of a socket that both programs can tell, and its processes. */
interface Line {
  readonly text: string
  readonly holders: ReadonlyArray<Holder>
}

const states: Readonly<Record<string, string>> = {
  ...{ ESTAB: "established", UNCONN: "unconnected", LISTEN: "listen" },
  ...{ ESTABLISHED: "established", CLOSE_WAIT: "close-wait", FIN_WAIT1: "fin-wait-1", FIN_WAIT2: "fin-wait-2" }
}

const stateOf = (name: string) => states[name] ?? name.toLowerCase().replace("_", "-")

const types: Readonly<Record<string, string>> = { u_str: "unix-stream", u_dgr: "unix-dgram", u_seq: "unix-seqpacket" }

const timers: Readonly<Record<string, string>> = { persist: "probe" }

/** Writes any address and any port alike: ss has `*` for the address of a socket of both families. */
const endOf = (text: string) => text.replace(/^(?:\*|0\.0\.0\.0|\[::\]):/, "any:").replace(/%[^\]:]+(?=\]|:)/, "")

const sorted = (lines: ReadonlyArray<Line>) =>
  lines
    .map(({ holders, text }) => `${text} ${JSON.stringify(holders.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]))}`)
    .sort()

/** Parses a line of `ss -H -O -tunxapeom`. */
const parseSs = (line: string): Line => {
  const [netid = "", state = "", received = "", sent = "", ...rest] = line.trim().split(/\s+/)
  const holders = [...line.matchAll(/\("(?:[^"\\]|\\.)*",pid=(\d+),fd=(\d+)\)/g)].map(
    ([, pid, fd]): Holder => [Number(pid), Number(fd)]
  )
  const type = types[netid]
  if (type !== undefined) return { text: `${type} ${stateOf(state)} ${rest[0]} ${rest[1]}`, holders }
  const [, timer, retransmits] = /timer:\((\w+),[^,]*,(\d+)\)/.exec(line) ?? []
  const [, uid = "0"] = /\buid:(\d+)/.exec(line) ?? []
  const [, inode = "0"] = /\bino:(\d+)/.exec(line) ?? []
  const [, drops = "0"] = /skmem:\([^)]*,d(\d+)\)/.exec(line) ?? []
  // For a listener ss shows the limit of its backlog, which is not in /proc.
  const queues = state === "LISTEN" ? received : `${received}/${sent}`
  const more = [
    timer === undefined ? "" : `${timers[timer] ?? timer} x${retransmits}`,
    `inode ${inode}`,
    inode === "0" ? "" : `uid ${uid}`,
    netid === "udp" ? `drops ${drops}` : ""
  ]
  return { text: [netid, stateOf(state), queues, endOf(rest[0]!), endOf(rest[1]!), ...more].join(" "), holders }
}

const ss = (flags: string, ...before: ReadonlyArray<string>) =>
  execFileSync(before[0] ?? "ss", [...before.slice(1), ...(before.length > 0 ? ["ss"] : []), "-H", "-O", flags], {
    encoding: "utf8",
    maxBuffer: 2 ** 26
  })
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map(parseSs)

interface End {
  readonly address: string
  readonly port: number
}

/** A socket of `sockets --json`. */
interface Found {
  readonly protocol: string
  readonly state: string
  readonly type?: string
  readonly local?: End
  readonly peer?: End
  readonly path?: string
  readonly receiveQueue?: number
  readonly sendQueue?: number
  readonly drops?: number
  readonly timer?: { readonly kind: string; readonly retransmits: number }
  readonly uid?: number
  readonly inode: number
  readonly namespace?: number
  readonly processes: ReadonlyArray<{ readonly pid: number; readonly descriptors: ReadonlyArray<number> }>
}

const formatEnd = ({ address, port }: End) =>
  endOf(`${address.includes(":") ? `[${address}]` : address}:${port === 0 ? "*" : port}`)

const holdersOf = ({ processes }: Found) =>
  processes.flatMap(({ descriptors, pid }) => descriptors.map((descriptor): Holder => [pid, descriptor]))

const lineOf = (socket: Found): Line => {
  const { drops, inode, local, path, peer, protocol, receiveQueue, sendQueue, state, timer, type, uid } = socket
  const holders = holdersOf(socket)
  if (local === undefined || peer === undefined) {
    return { text: `unix-${type} ${state} ${path ?? "*"} ${inode}`, holders }
  }
  const queues = state === "listen" ? `${receiveQueue}` : `${receiveQueue}/${sendQueue}`
  const more = [
    timer === undefined ? "" : `${timer.kind} x${timer.retransmits}`,
    `inode ${inode}`,
    inode === 0 ? "" : `uid ${uid}`,
    drops === undefined ? "" : `drops ${drops}`
  ]
  return { text: [protocol, state, queues, formatEnd(local), formatEnd(peer), ...more].join(" "), holders }
}

const list = Effect.fnUntraced(function* (...args: ReadonlyArray<string>) {
  const { code, stdout } = yield* Cli.runInProcess(["sockets", "--json", ...args])
  assert.strictEqual(code, 0)
  return (JSON.parse(stdout) as { readonly sockets: ReadonlyArray<Found> }).sockets
})

/** Reads both until they agree. Fails with the last difference. */
const assertAgree = Effect.fnUntraced(function* (
  read: Effect.Effect<readonly [ours: ReadonlyArray<string>, theirs: ReadonlyArray<string>]>
) {
  for (let attempt = 1; ; attempt++) {
    const [ours, theirs] = yield* read
    if (JSON.stringify(ours) === JSON.stringify(theirs)) return ours
    if (attempt === maxAttempts) {
      assert.deepStrictEqual(ours, theirs)
      return ours
    }
    yield* pause
  }
})

/** Starts the program, which opens its sockets and prints its processes and ports. */
const open = Effect.fnUntraced(function* (mode: string, before = "") {
  const { root } = yield* Directory.directory()
  const script = yield* start(`exec ${before} python3 ${program} ${mode} ${root}`)
  const [, text] = yield* script.waitFor("stdout", /^(\[.*\])$/m)
  return { pids: JSON.parse(text!) as ReadonlyArray<number>, root }
})

type Opened = Effect.Success<ReturnType<typeof open>>

/** Selects the sockets of the program: by process, by path, or by address for those without a process. */
const belongs =
  ({ pids, root }: Opened) =>
  ({ holders, text }: Line) =>
    holders.some(([pid]) => pids.includes(pid)) || text.includes(root) || text.includes("127.0.0.77")

/** A connection that is not accepted: ss lists it for TCP only, since it has no inode. */
const isListed = ({ inode, protocol }: Found) => protocol !== "unix" || inode !== 0

describe("sockets", () => {
  it.live.skipIf(missing !== "")(`lists the sockets of a process as ss does, one by one${missing}`, () =>
    Effect.gen(function* () {
      const opened = yield* open("all")
      const isOwn = belongs(opened)
      const lines = yield* assertAgree(
        Effect.map(list("--tcp", "--udp", "--unix"), (sockets) => [
          sorted(
            sockets
              .filter(isListed)
              .filter(({ namespace }) => namespace === undefined)
              .map(lineOf)
              .filter(isOwn)
          ),
          sorted(ss("-tunxapeom").filter(isOwn))
        ])
      )
      const seen = (pattern: RegExp) =>
        assert.isTrue(
          lines.some((line) => pattern.test(line)),
          `${pattern}\n${lines.join("\n")}`
        )
      seen(/^tcp listen 2 127\.0\.0\.77:\d+ any:\*/)
      seen(/^tcp established 1000\/0 /)
      for (const state of ["syn-sent", "fin-wait-1", "fin-wait-2", "close-wait", "time-wait"])
        seen(new RegExp(`^tcp ${state} `))
      seen(/^tcp established .* keepalive x0/)
      seen(/^tcp time-wait .* timewait x0 inode 0/)
      seen(/^tcp established 0\/0 \[::ffff:127\.0\.0\.77\]:\d+/)
      seen(/^tcp established 0\/0 \[::1\]:\d+/)
      seen(/^udp unconnected .* drops [1-9]/)
      seen(/^udp established /)
      for (const type of ["stream", "dgram", "seqpacket"]) seen(new RegExp(`^unix-${type} established `))
      seen(/^unix-stream listen @inet-/)
      seen(/^unix-dgram unconnected /)
      // A listener that two processes have open.
      seen(/ \[\[\d+,\d+\],\[\d+,\d+\]/)
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(missing !== "")(`lists the open TCP and UDP sockets of a process as lsof does${missing}`, () =>
    Effect.gen(function* () {
      const { pids } = yield* open("all")
      const lines = yield* assertAgree(
        Effect.map(list("--tcp", "--udp"), (sockets) => [
          sockets
            .flatMap((socket) => holdersOf(socket).map((holder) => lsofLine(socket, holder)))
            .filter((line) => pids.includes(Number(line.split(" ")[0])))
            .sort(),
          lsof(pids)
        ])
      )
      assert.isAbove(lines.length, 20)
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(noNamespace !== "")(`lists the sockets of another network namespace as ss in it${noNamespace}`, () =>
    Effect.gen(function* () {
      const opened = yield* open("namespace", "unshare -n sh -c 'ip link set lo up; exec \"$@\"' --")
      const pid = opened.pids[0]!
      const lines = yield* assertAgree(
        Effect.map(list("--tcp", "--udp", "--namespaces"), (sockets) => [
          sorted(sockets.filter(({ processes }) => processes.some((process) => process.pid === pid)).map(lineOf)),
          sorted(ss("-tunapeom", "nsenter", "-t", `${pid}`, "-n").filter(({ holders }) => holders.length > 0))
        ])
      )
      assert.isAtLeast(lines.length, 3)
      const namespaces = new Set((yield* list("--pid", `${pid}`, "--tcp")).map(({ namespace }) => namespace))
      assert.strictEqual(namespaces.size, 1)
      assert.notInclude([...namespaces], undefined)
    }).pipe(Effect.scoped)
  )
})

/** Writes an IPv4 address of an IPv6 socket as lsof does. */
const withoutMapping = (text: string) => text.replaceAll(/\[::ffff:([\d.]+)\]/g, "$1")

const lsofEnd = (end: End) => withoutMapping(formatEnd(end)).replace("any:", "*:")

const lsofLine = ({ local, peer, protocol, state }: Found, [pid, descriptor]: Holder) => {
  const name = peer!.port === 0 ? lsofEnd(local!) : `${lsofEnd(local!)}->${lsofEnd(peer!)}`
  return [pid, descriptor, protocol, name, protocol === "tcp" ? state : ""].join(" ").trim()
}

/** Returns the lines of `lsof -F`, which has one field a line: process, descriptor, protocol, ends, state. */
const lsof = (pids: ReadonlyArray<number>) => {
  const output = execFileSync("lsof", ["-nP", "-a", "-i", "-p", pids.join(), "-FpfPnT"], { encoding: "utf8" })
  const lines: Array<string> = []
  let [pid, fields] = ["", {} as Record<string, string>]
  const flush = () => {
    const { f, n, P, T = "" } = fields
    if (f !== undefined) lines.push([pid, f, P?.toLowerCase(), withoutMapping(n ?? ""), T].join(" ").trim())
    fields = {}
  }
  for (const line of output.split("\n")) {
    const [kind = "", value] = [line[0], line.slice(1)]
    if (kind === "p" || kind === "f") flush()
    if (kind === "p") pid = value
    else if (kind !== "T") fields[kind] = value
    else if (value.startsWith("ST=")) fields.T = stateOf(value.slice(3))
  }
  flush()
  return lines.sort()
}
