/**
 * The common parts of the benchmark: files, servers, and clients whose time is measured and whose files are compared.
 */
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import * as Effect from "effect/Effect"
import * as Scope from "effect/Scope"
import * as TftpPeers from "../../../test/support/tftp/TftpPeers.ts"
import { BenchError } from "../child.ts"
import type { Options } from "../harness.ts"
import * as Proc from "./proc.ts"

export const names = {
  ours: "ours",
  floor: "node:dgram",
  hpa: "tftpd-hpa",
  atftpd: "atftpd",
  dnsmasq: "dnsmasq"
} as const

export const contestants: ReadonlyArray<string> = Object.values(names)

/** The foreign servers that cannot run here, each with the reason. */
export const leftOut = TftpPeers.servers.flatMap((server) => {
  const reason = TftpPeers.skipReason(server)
  return reason === undefined ? [] : [[server as string, reason] as const]
})

export const isHere = (contestant: string) => leftOut.every(([name]) => name !== contestant)

const KiB = 1_024
const MiB = 1_024 * KiB

export const curls = 64

/** The files: names and sizes in bytes. `sparse` has no allocated blocks. */
export const sizes = {
  "32M": 32 * MiB,
  "8M": 8 * MiB,
  "256K": 256 * KiB,
  ...Object.fromEntries(Array.from({ length: curls }, (_, i) => [`2M-${i}`, 2 * MiB]))
} as { readonly [name: string]: number; readonly "32M": number; readonly "8M": number; readonly "256K": number }

export const sparse = "1G"

export const inet = fileURLToPath(new URL("../../effect-inet.ts", import.meta.url))
const floor = fileURLToPath(new URL("floor.ts", import.meta.url))

/** The number of cores that a server may use, if it has such an option. */
export type Cores = 1 | 2

/** The result of one or several concurrent clients. */
interface Fetched {
  /** Seconds from the start of the first to the end of the last. */
  readonly took: number
  readonly bytes: number
  /** True if every file is correct. */
  readonly isWhole: boolean
  /** The last line that they printed to standard error. */
  readonly stderr: string
}

type Command = ReturnType<typeof TftpPeers.commandOf>

type Server = TftpPeers.Running & Pick<Proc.Meter, "cpu">

export interface Stage {
  /** Returns the server of this name, started at its first use. */
  readonly server: (contestant: string, cores?: Cores) => Effect.Effect<Server, BenchError>
  /** Starts a server of this name for this scope only. */
  readonly fresh: (contestant: string) => Effect.Effect<Server, BenchError, Scope.Scope>
  /** Fetches files concurrently, then compares and removes the copies. */
  readonly fetch: (
    files: ReadonlyArray<string>,
    command: (remote: string, local: string) => Command,
    timeoutMillis?: number
  ) => Effect.Effect<Fetched>
}

/** Joins commands to one: a shell starts them much faster than a large process. */
const together = (commands: ReadonlyArray<Command>): Command => {
  const [first, second] = commands
  if (second === undefined) return first!
  const line = ([program, args]: Command) => [program, ...args].map((word) => `'${word}'`).join(" ")
  return ["sh", ["-c", `${commands.map((command) => `${line(command)} &`).join("\n")}\nwait`]]
}

const temporary = Effect.acquireRelease(
  Effect.sync(() => {
    // In memory if possible, so that no server and no client waits for a disk.
    const parent = Fs.existsSync("/dev/shm") ? "/dev/shm" : Os.tmpdir()
    const folder = Fs.mkdtempSync(Path.join(parent, "effect-inet-bench-"))
    // Servers may drop root.
    Fs.chmodSync(folder, 0o755)
    return folder
  }),
  (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true }))
)

const nodeOf = (contestant: string, cores: Cores, root: string, profile: string | undefined) => {
  const at: TftpPeers.Endpoint = { address: TftpPeers.ownAddress(), port: 6969 }
  const args =
    contestant === names.floor
      ? [floor, at.address, String(at.port), root, String(cores)]
      : [
          ...(profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${profile}`]),
          ...[inet, "tftp", "serve", "--root", root, "--host", at.address, "--port", String(at.port)],
          ...(cores === 1 ? [] : ["--threads", String(cores)])
        ]
  return TftpPeers.launch(process.execPath, args, at)
}

export const make = Effect.fnUntraced(function* ({ profile }: Options) {
  const folder = yield* temporary
  const scope = yield* Effect.scope
  const root = Path.join(folder, "root")
  Fs.mkdirSync(root)
  for (const [name, size] of Object.entries(sizes)) Fs.writeFileSync(Path.join(root, name), Crypto.randomBytes(size))
  Fs.closeSync(Fs.openSync(Path.join(root, sparse), "w"))
  Fs.truncateSync(Path.join(root, sparse), 1_024 * MiB)

  const begin = Effect.fnUntraced(function* (contestant: string, cores: Cores) {
    const { add, cpu } = yield* Proc.meter
    const foreign = TftpPeers.servers.find((server) => server === contestant)
    const running = yield* Effect.mapError(
      foreign === undefined ? nodeOf(contestant, cores, root, profile) : TftpPeers.start(foreign, root),
      ({ message }) => new BenchError({ message })
    )
    add(running.pid)
    const server: Server = { ...running, cpu }
    return server
  })
  const running = new Map<string, Server>()
  const server = Effect.fnUntraced(function* (contestant: string, cores: Cores = 1) {
    const key = `${contestant} ${cores}`
    const found = running.get(key) ?? (yield* Effect.provideService(begin(contestant, cores), Scope.Scope, scope))
    running.set(key, found)
    return found
  })

  let count = 0
  const fetch = Effect.fnUntraced(function* (
    files: ReadonlyArray<string>,
    command: (remote: string, local: string) => Command,
    timeoutMillis?: number
  ) {
    const jobs = files.map((remote) => ({ remote, local: Path.join(folder, `fetched-${count++}`) }))
    const from = performance.now()
    const { stderr } = yield* TftpPeers.execute(
      together(jobs.map(({ local, remote }) => command(remote, local))),
      timeoutMillis
    )
    const took = (performance.now() - from) / 1_000
    const found = jobs.map(({ local, remote }) => {
      const content = Fs.existsSync(local) ? Fs.readFileSync(local) : Buffer.alloc(0)
      Fs.rmSync(local, { force: true })
      return { bytes: content.length, isWhole: content.equals(Fs.readFileSync(Path.join(root, remote))) }
    })
    const fetched: Fetched = {
      took,
      bytes: found.reduce((sum, { bytes }) => sum + bytes, 0),
      isWhole: found.every(({ isWhole }) => isWhole),
      stderr: stderr.trim().split("\n").at(-1)!
    }
    return fetched
  })
  const stage: Stage = { server, fresh: (contestant) => begin(contestant, 1), fetch }
  return stage
})
