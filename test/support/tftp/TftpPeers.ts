/**
 * Debian's TFTP servers and clients, for tests and benchmarks. A server runs on its own loopback address and is stopped
 * when the scope closes.
 *
 * The packages tftpd-hpa and atftpd conflict, unless they are unpacked here:
 *
 *     mkdir -p .cache/peers && cd .cache/peers
 *     for name in tftpd-hpa atftpd; do apt-get download $name && dpkg -x ${name}_*.deb $name; done
 */
import * as ChildProcess from "node:child_process"
import * as Crypto from "node:crypto"
import * as Dgram from "node:dgram"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"

/** A server that did not start, or ended too early. */
class PeerError extends Data.TaggedError("PeerError")<{ readonly message: string }> {}

/** The address and port of a server. */
export interface Endpoint {
  readonly address: string
  readonly port: number
}

/** A server that replies. */
export interface Running extends Endpoint {
  readonly pid: number
}

const unpacked = Path.resolve(import.meta.dirname, "../../../.cache/peers")

const outputMatches = (command: string, args: ReadonlyArray<string>, pattern: RegExp) => {
  const { stderr, stdout } = ChildProcess.spawnSync(command, args, { encoding: "utf8" })
  return pattern.test(`${stdout}${stderr}`)
}

/** Finds the first of these files that is the right program: two packages name theirs in.tftpd. */
const find = (files: ReadonlyArray<string>, version: string, pattern: RegExp) =>
  files.find((file) => Fs.existsSync(file) && outputMatches(file, [version], pattern))

const isRoot = process.getuid?.() === 0

interface ServerProgram {
  readonly file: string | undefined
  readonly port: number
  readonly args: (root: string, at: Endpoint) => ReadonlyArray<string>
}

/** The servers. Their limits on concurrent transfers are raised, and the buffers of dnsmasq, for large blocks. */
const programs = {
  "tftpd-hpa": {
    file: find([Path.join(unpacked, "tftpd-hpa/usr/sbin/in.tftpd"), "/usr/sbin/in.tftpd"], "--version", /^tftp-hpa/),
    port: 6969,
    args: (root, { address, port }) => [
      ...["--listen", "--foreground", "--address", `${address}:${port}`],
      ...["--secure", "--user", "root", "--create", root]
    ]
  },
  atftpd: {
    file: find([Path.join(unpacked, "atftpd/usr/sbin/atftpd"), "/usr/sbin/atftpd"], "--version", /^atftp/),
    port: 6969,
    args: (root, { address, port }) => [
      ...["--daemon", "--no-fork", "--user", "root.root", "--maxthread", "300"],
      ...["--bind-address", address, "--port", String(port), root]
    ]
  },
  dnsmasq: {
    file: find(["/usr/sbin/dnsmasq", "/usr/local/sbin/dnsmasq"], "--version", /\sTFTP\s/),
    // dnsmasq has no option for another port.
    port: 69,
    args: (root, { address }) => [
      ...["--no-daemon", "--conf-file=/dev/null", "--pid-file=", "--user=root", "--port=0"],
      ...["--enable-tftp", `--tftp-root=${root}`, "--tftp-max=300", "--edns-packet-max=65535"],
      ...[`--listen-address=${address}`, "--bind-interfaces"]
    ]
  }
} satisfies Record<string, ServerProgram>

export type Server = keyof typeof programs

/** The names of all servers. */
export const servers = Object.keys(programs) as ReadonlyArray<Server>

/** A transfer for a client. */
export interface Job extends Endpoint {
  readonly verb: "get" | "put"
  readonly remote: string
  readonly local: string
  readonly blksize?: number | undefined
  readonly windowsize?: number | undefined
  /** True for mode netascii. Default: octet. */
  readonly netascii?: true | undefined
  /** True to send no options, also none of the client's defaults. */
  readonly plain?: true | undefined
}

const abilities = ["blksize", "windowsize", "netascii", "plain"] as const

interface ClientProgram {
  readonly command: string
  readonly isThere: boolean
  /** The parts of a job that it supports. */
  readonly can: ReadonlyArray<(typeof abilities)[number]>
  readonly args: (job: Job) => ReadonlyArray<string>
}

const given = (value: number | true | undefined, ...args: ReadonlyArray<string>) => (value === undefined ? [] : args)

const clientPrograms = {
  curl: {
    command: "curl",
    isThere: outputMatches("curl", ["--version"], /^Protocols:.* tftp/m),
    can: ["blksize", "netascii", "plain"],
    args: ({ address, blksize, local, netascii, plain, port, remote, verb }) => [
      ...["--silent", "--show-error", verb === "get" ? "--output" : "--upload-file", local],
      ...given(blksize, "--tftp-blksize", String(blksize)),
      ...given(plain, "--tftp-no-options"),
      `tftp://${address}:${port}/${remote}${netascii === true ? ";mode=netascii" : ""}`
    ]
  },
  atftp: {
    command: "atftp",
    isThere: outputMatches("atftp", ["--version"], /^atftp/),
    can: ["blksize", "windowsize", "netascii"],
    args: ({ address, blksize, local, netascii, port, remote, verb, windowsize }) => [
      ...given(blksize, "--option", `blksize ${blksize}`),
      ...given(windowsize, "--option", `windowsize ${windowsize}`),
      ...given(netascii, "--option", "mode netascii"),
      ...[`--${verb}`, "--remote-file", remote, "--local-file", local, address, String(port)]
    ]
  },
  "tftp-hpa": {
    command: "tftp",
    isThere: outputMatches("tftp", ["-V"], /^tftp-hpa/),
    can: ["netascii"],
    args: ({ address, local, netascii, port, remote, verb }) => [
      ...["-m", netascii === true ? "ascii" : "binary", address, String(port), "-c", verb],
      ...(verb === "get" ? [remote, local] : [local, remote])
    ]
  },
  busybox: {
    command: "busybox",
    isThere: outputMatches("busybox", ["--list"], /^tftp$/m),
    can: ["blksize"],
    args: ({ address, blksize, local, port, remote, verb }) => [
      ...["tftp", verb === "get" ? "-g" : "-p", "-r", remote, "-l", local],
      ...given(blksize, "-b", String(blksize)),
      ...[address, String(port)]
    ]
  }
} satisfies Record<string, ClientProgram>

export type Client = keyof typeof clientPrograms

/** The names of all clients. The exit code of tftp-hpa is always 0: check the file. */
export const clients = Object.keys(clientPrograms) as ReadonlyArray<Client>

/** Returns the reason why a server cannot run here; undefined if it can. */
export const skipReason = (server: Server): string | undefined => {
  if (programs[server].file === undefined) return `${server} not installed`
  return isRoot ? undefined : `${server} needs root`
}

/** Returns true if a client is installed. */
export const isInstalled = (client: Client): boolean => clientPrograms[client].isThere

/** Returns the command line of a client. Throws if it does not support a part of the job. */
export const commandOf = (client: Client, job: Job): readonly [command: string, args: ReadonlyArray<string>] => {
  const program: ClientProgram = clientPrograms[client]
  for (const ability of abilities) {
    if (job[ability] !== undefined && !program.can.includes(ability))
      throw new Error(`${client} does not support ${ability}`)
  }
  return [program.command, program.args(job)]
}

/** Returns a random loopback address: probably all of its ports are free, 69 too. */
export const ownAddress = () => `127.${Crypto.randomInt(16, 240)}.${Crypto.randomInt(256)}.${Crypto.randomInt(1, 255)}`

const probe = Buffer.from("\0\x01no such file\0octet\0", "latin1")

/** Sends requests on a schedule until any reply. */
const waitForReply = ({ address, port }: Endpoint) =>
  Effect.acquireUseRelease(
    Effect.sync(() => Dgram.createSocket("udp4").on("error", () => {})),
    (socket) =>
      Effect.raceFirst(
        Effect.callback<void>((resume) => void socket.once("message", () => resume(Effect.void))),
        Effect.andThen(
          Effect.repeat(
            Effect.sync(() => socket.send(probe, port, address)),
            Schedule.spaced("20 millis")
          ),
          Effect.never
        )
      ),
    (socket) => Effect.sync(() => socket.close())
  )

const signal = (pid: number, name: NodeJS.Signals) => {
  try {
    process.kill(-pid, name)
  } catch {
    // All processes of the group have ended.
  }
}

/** Starts a server at an endpoint and waits until it replies; the end of the scope ends all of its processes. */
export const launch = Effect.fnUntraced(function* (
  command: string,
  args: ReadonlyArray<string>,
  at: Endpoint,
  stopTimeout: Duration.Input = "2 seconds"
) {
  let stderrText = ""
  let isClosed = false
  const ended = (child: ChildProcess.ChildProcess) =>
    Effect.callback<void>((resume) => {
      if (isClosed) resume(Effect.void)
      else child.once("close", () => resume(Effect.void))
    })
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      // Its own process group: tftpd-hpa has a process for each transfer.
      ChildProcess.spawn(command, args, { detached: true, stdio: ["ignore", "ignore", "pipe"] })
        .on("error", (error) => (stderrText += error.message))
        .on("close", () => (isClosed = true))
    ),
    (child) =>
      Effect.gen(function* () {
        if (child.pid === undefined) return
        signal(child.pid, "SIGTERM")
        yield* Effect.timeoutOption(ended(child), stopTimeout)
        signal(child.pid, "SIGKILL")
        yield* ended(child)
      })
  )
  child.stderr.on("data", (text) => {
    stderrText = `${stderrText}${text}`.slice(-1_000)
  })
  const failed = (reason: string) =>
    Effect.fail(new PeerError({ message: `${command}: ${reason}: ${stderrText.trim()}` }))
  yield* waitForReply(at).pipe(
    Effect.raceFirst(Effect.flatMap(ended(child), () => failed("ended at once"))),
    Effect.timeoutOrElse({ duration: "40 seconds", orElse: () => failed("no reply in 40 s") })
  )
  const running: Running = { ...at, pid: child.pid! }
  return running
})

/** Starts a server on its own address, with more flags; it serves `root`, and accepts uploads if it supports them. */
export const start = Effect.fnUntraced(function* (server: Server, root: string, more: ReadonlyArray<string> = []) {
  const { args, file, port }: ServerProgram = programs[server]
  if (file === undefined) return yield* new PeerError({ message: `${server} is not installed` })
  const at = { address: ownAddress(), port }
  // A process of tftpd-hpa that has received a file ignores SIGTERM for a second.
  return yield* launch(file, [...args(root, at), ...more], at, "100 millis")
})

/** The result of a client; `code` is null if it was killed. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end, or kills it after a timeout. */
export const execute = ([command, args]: ReturnType<typeof commandOf>, timeoutMillis = 60_000) =>
  Effect.callback<Ended>((resume) => {
    const child = ChildProcess.spawn(command, args, { timeout: timeoutMillis, stdio: ["ignore", "pipe", "pipe"] })
    let stdout = ""
    let stderr = ""
    child.stdout.on("data", (text) => {
      stdout += text
    })
    child.stderr.on("data", (text) => {
      stderr += text
    })
    child.once("error", (error) => {
      stderr += error.message
    })
    child.once("close", (code) => resume(Effect.succeed({ code, stdout, stderr })))
    return Effect.sync(() => void child.kill("SIGKILL"))
  })

/** True if tftpd-hpa is here, and this process may change its root. */
export const canRemap = programs["tftpd-hpa"].file !== undefined && process.getuid?.() === 0

/** Starts tftpd-hpa over `root` with a file of rules. */
export const startRemapping = Effect.fnUntraced(function* (root: string, rules: string) {
  const { args, file, port } = programs["tftpd-hpa"]
  if (file === undefined) return yield* new PeerError({ message: "tftpd-hpa is not installed" })
  const at = { address: ownAddress(), port }
  return yield* launch(file, ["--map-file", rules, ...args(root, at)], at, "100 millis")
})
