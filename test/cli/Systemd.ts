/**
 * A systemd of its own, as process 1 of new namespaces. Its files are a copy of this system's, which its end discards,
 * and its network is a loopback interface. The units of docs/deploy run in it as they are shipped.
 */
import * as ChildProcess from "node:child_process"
import { once } from "node:events"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Util from "node:util"
import * as Effect from "effect/Effect"
import { directory } from "../support/Directory.ts"

const systemd = "/lib/systemd/systemd"

/** Makes the root of the namespaces, and runs the command in it as process 1. `$1` is a folder, `$2` the set-up. */
const enter = `
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
cd "$1/root"
eval "$2"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount --rbind /dev dev
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
ip link set lo up
mkdir -p mnt/old
pivot_root . mnt/old
umount -l /mnt/old
`

/** The namespaces: none of them is shared with this system. */
const namespaces = ["--fork", "--kill-child", "--pid", "--mount", "--uts", "--ipc", "--cgroup", "--net"]

const unshare = (folder: string, setUp: string, command: string) => [
  ...namespaces,
  "sh",
  "-c",
  `${enter}exec env -i container=unshare PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin ${command}`,
  "sh",
  folder,
  setUp
]

/** True if systemd is installed and such namespaces can be made: as root, with overlayfs. */
export const isAvailable = (() => {
  if (process.platform !== "linux" || !Fs.existsSync(systemd)) return false
  const folder = Fs.mkdtempSync("/tmp/effect-inet-")
  const { status } = ChildProcess.spawnSync("unshare", unshare(folder, ":", "true"))
  Fs.rmdirSync(folder)
  return status === 0
})()

const execFile = Util.promisify(ChildProcess.execFile)

/** The error of a command. The code is that of its exit, a system error, or null if it was killed. */
interface Failure extends Error {
  readonly code: number | string | null
  readonly stdout: string
  readonly stderr: string
}

/** Returns the process 1 of the namespaces, seen from outside. */
const childOf = (pid: number) => {
  try {
    const [child] = Fs.readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ")
    return child === undefined || child === "" ? undefined : Number(child)
  } catch {
    return undefined
  }
}

/**
 * Starts systemd with the units of a folder; it ends with the scope. `setUp` is a shell script that changes its files,
 * in the folder that will be its root. The result runs a command beside it and returns what it prints.
 */
export const start = Effect.fnUntraced(function* (units: string, setUp: string) {
  const { path } = yield* directory()
  const folder = Path.join(path, "systemd")
  Fs.mkdirSync(folder)
  const install = `
rm -rf etc/systemd/system && cp -r '${units}' etc/systemd/system
printf '[Unit]\\nRequires=dbus.socket\\nAfter=dbus.socket\\n' > etc/systemd/system/effect-inet-test.target
${setUp}`
  const { child } = yield* Effect.acquireRelease(
    Effect.sync(() => {
      const command = `${systemd} --unit=effect-inet-test.target --log-level=warning`
      const child = ChildProcess.spawn("unshare", unshare(folder, install, command), {
        stdio: ["ignore", "pipe", "pipe"]
      })
      return { child, closed: once(child, "close") }
    }),
    ({ child, closed }) =>
      Effect.promise(() => {
        child.kill("SIGKILL")
        return closed
      })
  )
  let output = ""
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => (output += bytes))
  /** Runs a shell command line; returns its output, also if it fails. One that does not end fails the test. */
  const run = (command: string) =>
    Effect.promise(async () => {
      const pid = childOf(child.pid!)
      if (pid === undefined) {
        if (child.exitCode !== null || child.signalCode !== null) throw new Error(`systemd has ended: ${output}`)
        return "not started"
      }
      const args = [
        "--target",
        `${pid}`,
        "--all",
        "env",
        "-i",
        "PATH=/usr/local/bin:/usr/bin:/usr/sbin:/bin",
        "sh",
        "-c"
      ]
      const { stderr, stdout } = await execFile("nsenter", [...args, `${command} 2>&1`], { timeout: 50_000 }).catch(
        (error: Failure) => {
          if (typeof error.code !== "number") throw new Error(`${command}: ${error.message}`)
          return error
        }
      )
      return `${stdout}${stderr}`.trim()
    })
  yield* Effect.repeat(run("systemctl is-system-running --wait"), {
    until: (state) => /^(?:running|degraded)$/.test(state)
  })
  return { run }
})
