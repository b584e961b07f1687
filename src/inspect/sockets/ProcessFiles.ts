/**
 * Parsers of the files of a process in /proc, and of the user database. Pure: none throws; what a truncated file does
 * not state is undefined.
 */

const utf8 = new TextDecoder()

const numberOf = (text: string | undefined) =>
  text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined

/** Parses /proc/PID/comm: the name of the process, up to 15 bytes, which may be any but zero. */
export const parseComm = (bytes: Uint8Array): string => utf8.decode(bytes).replace(/\n$/, "")

/** Parses /proc/PID/cmdline: the arguments, each with a zero byte after it. A kernel thread and a zombie have none. */
export const parseCommandLine = (bytes: Uint8Array): ReadonlyArray<string> => {
  let end = bytes.length
  // A process that writes its title there leaves zero bytes behind it.
  while (end > 0 && bytes[end - 1] === 0) end--
  return end === 0 ? [] : utf8.decode(bytes.subarray(0, end)).split("\0")
}

/** The state of a process. */
export interface ProcessStat {
  readonly pid: number
  readonly name: string
  /** One letter: R running, S sleeping, Z zombie. */
  readonly state: string
  readonly parentPid: number
  /** Time of the start after that of the system, in hundredths of a second: it tells a process from a later one. */
  readonly startTicks: number | undefined
}

/** Index of the start time behind the name. */
const startTicksIndex = 19

/** Parses /proc/PID/stat. The name is in parentheses and may contain any character, also parentheses and LF. */
export const parseStat = (bytes: Uint8Array): ProcessStat | undefined => {
  const text = utf8.decode(bytes)
  const open = text.indexOf(" (")
  const close = text.lastIndexOf(") ")
  const pid = numberOf(text.slice(0, Math.max(0, open)))
  if (pid === undefined || open < 0 || close < open) return undefined
  const fields = text.slice(close + 2).split(/\s/)
  const [state = "", parent] = fields
  const parentPid = numberOf(parent)
  if (!/^[A-Za-z]$/.test(state) || parentPid === undefined) return undefined
  // The last field of a truncated file may be cut.
  const startTicks = fields.length > startTicksIndex + 1 ? numberOf(fields[startTicksIndex]) : undefined
  return { pid, name: text.slice(open + 2, close), state, parentPid, startTicks }
}

/** The identity of a process. */
export interface ProcessStatus {
  /** Real user. */
  readonly uid: number
  /** Effective user, which decides about permissions. */
  readonly effectiveUid: number
}

/** Parses /proc/PID/status. A name with an LF is escaped there by the kernel, so that no field can be forged. */
export const parseStatus = (bytes: Uint8Array): ProcessStatus | undefined => {
  const [, real, effective] = /^Uid:\t(\d+)\t(\d+)\t\d+\t\d+$/m.exec(utf8.decode(bytes)) ?? []
  const uid = numberOf(real)
  const effectiveUid = numberOf(effective)
  return uid === undefined || effectiveUid === undefined ? undefined : { uid, effectiveUid }
}

/** The control group of a process. */
export interface ControlGroup {
  readonly path: string
  /** Unit of systemd that manages the process, such as `ssh.service`. */
  readonly unit: string | undefined
}

/** Names of the units that have processes; a slice only groups others. */
const unitName = /\.(?:service|scope|socket|mount|swap)$/

/**
 * Parses /proc/PID/cgroup. Of several hierarchies systemd's counts, and then the unified one. The unit is the
 * innermost: that of the user's own manager, if there is one.
 */
export const parseControlGroup = (bytes: Uint8Array): ControlGroup | undefined => {
  let unified: string | undefined
  let systemd: string | undefined
  for (const line of utf8.decode(bytes).split("\n")) {
    const [, number, controllers, path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? []
    if (controllers === "name=systemd") systemd = path
    else if (number === "0" && controllers === "") unified = path
  }
  const path = systemd !== undefined && systemd !== "/" ? systemd : (unified ?? systemd)
  if (path === undefined) return undefined
  return { path, unit: path.split("/").findLast((part) => unitName.test(part)) }
}

/** Parses /etc/passwd: the name of each user by its number; the first one of a number counts. */
export const parseUsers = (bytes: Uint8Array): ReadonlyMap<number, string> => {
  const users = new Map<number, string>()
  for (const line of utf8.decode(bytes).split("\n")) {
    const [name = "", , id] = line.split(":", 3)
    const uid = numberOf(id)
    if (name !== "" && uid !== undefined && !users.has(uid)) users.set(uid, name)
  }
  return users
}
