/** A PostgreSQL server of a test: in a folder of its own, on a free port, as a user that is not root. */
import * as ChildProcess from "node:child_process"
import { once } from "node:events"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Effect from "effect/Effect"

const unpacked = Path.resolve(import.meta.dirname, "../../../.cache/peers")

/** The folders with the server's programs: installed, or only unpacked. */
const folders = [
  ...Fs.globSync("/usr/lib/postgresql/*/bin").sort().reverse(),
  ...Fs.globSync(`${unpacked}/postgresql-*/usr/lib/postgresql/*/bin`)
]

/** Unpacked programs find their libraries here. */
const environment = {
  ...process.env,
  LC_ALL: "C",
  LD_LIBRARY_PATH: Fs.globSync(`${unpacked}/libpq5/usr/lib/*`).join(":")
}

/** The server refuses to run as root. */
const asNobody = process.getuid?.() === 0 ? ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] : []

const command = (program: string, ...args: ReadonlyArray<string>) => {
  const [first = "", ...rest] = [...asNobody, program, ...args]
  return [first, rest] as const
}

const runs = (folder: string) =>
  ["initdb", "postgres"].every(
    (name) =>
      ChildProcess.spawnSync(...command(Path.join(folder, name), "--version"), { env: environment }).status === 0
  )

const programs = folders.find(runs)

const psql = folders.map((folder) => Path.join(folder, "psql")).find((file) => Fs.existsSync(file))

/** True if tests can start a server. */
export const isInstalled = programs !== undefined && psql !== undefined

/** The reason in the names of tests that are skipped. */
export const skipped = "(skipped without PostgreSQL, Debian's package postgresql)"

/** A running server. */
export interface Postgres {
  readonly url: string
  /** Stops the server at once, as a crash does, or by SIGKILL of the whole group. */
  readonly stop: (signal: "SIGQUIT" | "SIGKILL") => Effect.Effect<void>
  /** Starts it again, with its data, on the same port. */
  readonly start: Effect.Effect<void>
  /** Starts it again if it has ended by itself. */
  readonly restart: Effect.Effect<void>
  /** Runs a statement with psql, and returns the rows as text. */
  readonly query: (statement: string) => Effect.Effect<string>
}

const settings = (port: number, folder: string) =>
  Object.entries({
    ...{ listen_addresses: "127.0.0.1", port, unix_socket_directories: folder, max_connections: 100 },
    // The files are gone after the test.
    ...{ fsync: "off", synchronous_commit: "off", full_page_writes: "off", shared_buffers: "32MB" }
  }).flatMap(([name, value]) => ["-c", `${name}=${value}`])

/** A TCP port that was free a moment ago. */
export const freePort = Effect.callback<number>((resume) => {
  const server = Net.createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address() as Net.AddressInfo
    server.close(() => resume(Effect.succeed(port)))
  })
})

const makeFolder = Effect.acquireRelease(
  Effect.sync(() => {
    const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "inet-postgres-"))
    if (asNobody.length > 0) Fs.chownSync(folder, 65_534, 65_534)
    return folder
  }),
  (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true }))
)

const killGroup = (child: ChildProcess.ChildProcess, signal: NodeJS.Signals) => {
  try {
    process.kill(-child.pid!, signal)
  } catch {
    // The group has ended.
  }
}

/** Starts the server process, and waits until it accepts connections. */
const spawnServer = async (folder: string, port: number) => {
  const args = ["-D", Path.join(folder, "data"), ...settings(port, folder)]
  const child = ChildProcess.spawn(...command(Path.join(programs!, "postgres"), ...args), {
    env: environment,
    detached: true,
    stdio: ["ignore", "ignore", "pipe"]
  })
  let log = ""
  await new Promise<void>((resolve, reject) => {
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      log += text
      if (log.includes("ready to accept connections")) resolve()
    })
    child.once("close", () => reject(new Error(`PostgreSQL has ended: ${log}`)))
  })
  return child
}

/** A folder on a small disk of its own. */
interface SmallDisk {
  readonly folder: string
  /** Fills the disk to the last byte. */
  readonly fill: Effect.Effect<void>
  /** Makes the space free again that `fill` has used. */
  readonly free: Effect.Effect<void>
}

const mount = (folder: string, mebibytes: number) =>
  ChildProcess.spawnSync("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m,mode=0777`, "tmpfs", folder]).status === 0

/** Makes a small disk in memory, which is gone with the scope; undefined where this process may not mount one. */
export const makeSmallDisk = Effect.fnUntraced(function* (mebibytes: number) {
  const folder = yield* makeFolder
  const isMounted = yield* Effect.acquireRelease(
    Effect.sync(() => mount(folder, mebibytes)),
    (mounted) => Effect.sync(() => mounted && ChildProcess.spawnSync("umount", ["--lazy", folder]))
  )
  if (!isMounted) return undefined
  const file = Path.join(folder, "ballast")
  const fill = Effect.sync(() => {
    const descriptor = Fs.openSync(file, "w")
    try {
      for (const bytes of [2 ** 20, 2 ** 12]) {
        try {
          while (true) Fs.writeSync(descriptor, new Uint8Array(bytes))
        } catch {
          // It is full.
        }
      }
    } finally {
      Fs.closeSync(descriptor)
    }
  })
  const disk: SmallDisk = { folder, fill, free: Effect.sync(() => Fs.rmSync(file)) }
  return disk
})

const makeIn = Effect.fnUntraced(function* (folder: string) {
  const port = yield* freePort
  ChildProcess.execFileSync(
    ...command(
      Path.join(programs!, "initdb"),
      "-D",
      Path.join(folder, "data"),
      "-U",
      "farm",
      "-A",
      "trust",
      "--no-sync"
    ),
    { env: environment, cwd: folder, stdio: "ignore" }
  )
  const state: { child: ChildProcess.ChildProcess | undefined } = { child: undefined }
  const start = Effect.promise(async () => {
    state.child = await spawnServer(folder, port)
  })
  const stop = (signal: "SIGQUIT" | "SIGKILL") =>
    Effect.promise(async () => {
      const { child } = state
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
      const closed = once(child, "close")
      if (signal === "SIGKILL") killGroup(child, signal)
      else child.kill(signal)
      await closed
    })
  yield* Effect.addFinalizer(() => stop("SIGKILL"))
  yield* start
  const query = (statement: string) =>
    Effect.promise(
      () =>
        new Promise<string>((resolve, reject) => {
          const args = ["-h", "127.0.0.1", "-p", `${port}`, "-U", "farm", "-d", "postgres", "-Atc", statement]
          ChildProcess.execFile(psql!, args, { env: environment }, (error, stdout) =>
            error === null ? resolve(stdout.trim()) : reject(error)
          )
        })
    )
  const hasEnded = () => state.child?.exitCode !== null || state.child.signalCode !== null
  const restart = Effect.suspend(() => (hasEnded() ? start : Effect.void))
  const postgres: Postgres = { url: `postgres://farm@127.0.0.1:${port}/postgres`, start, restart, stop, query }
  return postgres
})

/** Makes a database in a new server, which ends with the scope. The tests must not run unless `isInstalled`. */
export const make = Effect.flatMap(makeFolder, makeIn)

/** Makes a database on a disk. */
export const makeOn = ({ folder }: SmallDisk) => makeIn(folder)
