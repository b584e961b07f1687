/**
 * The steps of a Containerfile without an engine, in a chroot with the programs of this host. It has namespaces of its
 * own for mounts, processes and the network, the Node that runs the tests, and npm.
 */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"

/** A line of a Containerfile. */
interface Instruction {
  readonly name: string
  readonly value: string
}

const parse = (text: string): ReadonlyArray<Instruction> =>
  text.split("\n").flatMap((line) => {
    const [, name, value] = /^([A-Z]+) (.*)$/.exec(line) ?? []
    return name === undefined || value === undefined ? [] : [{ name, value }]
  })

/** Builds the image from the programs of this host. Arguments: its folder, Node, the folder of npm. */
const base = `
set -eu
root=$1 node=$2 npm=$3
mkdir -p "$root/usr" "$root/etc" "$root/proc" "$root/dev" "$root/tmp" "$root/npm" "$root/srv"
for name in bin sbin lib lib64; do
  if [ -L "/$name" ]; then cp -P "/$name" "$root/"; elif [ -d "/$name" ]; then mkdir "$root/$name"; mount --bind "/$name" "$root/$name"; fi
done
mount --bind "$npm" "$root/npm"
mount --bind /usr "$root/usr"
mount -t tmpfs none "$root/usr/local"
mkdir "$root/usr/local/bin"
touch "$root/usr/local/bin/node"
mount --bind "$node" "$root/usr/local/bin/node"
printf '#!/bin/sh\\nexec node /npm/bin/npm-cli.js "$@"\\n' > "$root/usr/local/bin/npm"
chmod +x "$root/usr/local/bin/npm"
mount --rbind /dev "$root/dev"
mount -t proc proc "$root/proc"
printf 'root:x:0:0::/root:/bin/sh\\nnode:x:1000:1000::/srv:/bin/sh\\n' > "$root/etc/passwd"
printf 'root:x:0:\\nnode:x:1000:\\n' > "$root/etc/group"
ip link set lo up
`

const quote = (word: string) => `'${word.replaceAll("'", "'\\''")}'`

/** Environment of a step. Without a registry npm installs the package alone. */
const environment = [
  "PATH=/usr/local/bin:/usr/bin:/bin",
  "npm_config_offline=true",
  "npm_config_legacy_peer_deps=true",
  "npm_config_update_notifier=false"
].join(" ")

const inImage = (words: ReadonlyArray<string>, user = "root") =>
  `chroot --userspec=${user}:${user} "$root" env -i ${environment} HOME=/srv ${words.map(quote).join(" ")}`

const listOf = (json: string) => JSON.parse(json) as ReadonlyArray<string>

/** Returns the shell commands of an image: its build, its start, its health, and its end. */
const script = (containerfile: string): string => {
  const instructions = parse(containerfile)
  const findValue = (wanted: string) => instructions.find(({ name }) => name === wanted)?.value ?? ""
  const build = instructions.flatMap(({ name, value }) => {
    if (name === "RUN") return [`${inImage(["sh", "-c", value])} >&2`]
    if (name !== "COPY") return []
    const words = value.split(" ")
    return [`mkdir -p "$root${words.at(-1)}"`, `cp ${words.slice(0, -1).join(" ")} "$root${words.at(-1)}"`]
  })
  const user = findValue("USER")
  const main = inImage([...listOf(findValue("ENTRYPOINT")), ...listOf(findValue("CMD"))], user)
  const health = inImage(listOf(findValue("HEALTHCHECK").replace(/^CMD /, "")), user)
  return [
    base,
    ...build,
    `${main} >&2 &`,
    `until ${health}; do kill -0 $!; done`,
    "kill -TERM $!",
    "code=0; wait $! || code=$?",
    'echo "exit code $code"'
  ].join("\n")
}

const programs = ["unshare", "chroot", "mount", "ip", "npm"]

const find = (program: string) => ChildProcess.spawnSync("which", [program], { encoding: "utf8" }).stdout.trim()

/** True if this process may make namespaces, and has the programs. */
export const canRun = (): boolean =>
  process.getuid?.() === 0 &&
  programs.every((program) => find(program) !== "") &&
  ChildProcess.spawnSync("unshare", ["--mount", "--net", "--pid", "--fork", "true"]).status === 0

/**
 * Builds an image from a Containerfile, runs it until it is healthy, and ends it. Returns what the health check and the
 * end print; throws all output if a step fails.
 */
export const run = (containerfile: string, context: string, folder: string): string => {
  Fs.mkdirSync(folder)
  const npm = Path.dirname(Path.dirname(Fs.realpathSync(find("npm"))))
  const namespaces = ["--mount", "--net", "--pid", "--fork", "--kill-child"]
  const shell = ["sh", "-c", script(containerfile), "sh", folder, process.execPath, npm]
  const { status, stderr, stdout } = ChildProcess.spawnSync("unshare", [...namespaces, ...shell], {
    cwd: context,
    encoding: "utf8",
    timeout: 110_000
  })
  if (status !== 0) throw new Error(`the image failed with ${status}\n${stdout}\n${stderr}`)
  return stdout
}

/** The instructions that `run` performs, or that have no effect on this host. */
export const knownInstructions: ReadonlySet<string> = new Set([
  "FROM",
  "COPY",
  "RUN",
  "USER",
  "EXPOSE",
  "HEALTHCHECK",
  "ENTRYPOINT",
  "CMD"
])

/** Returns the instructions of a Containerfile by name. */
export const namesOf = (containerfile: string): ReadonlyArray<string> => parse(containerfile).map(({ name }) => name)
