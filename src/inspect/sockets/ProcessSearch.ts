/** Search of the processes that have sockets open, and what /proc states about them. */
import * as Effect from "effect/Effect"
import type { Access } from "../SocketSource.ts"
import * as ProcessFiles from "./ProcessFiles.ts"
import type { SocketHolder, SocketProcess } from "./Socket.ts"
import { noHolders, type SocketRecord } from "./SocketRecords.ts"

/** Most descriptors that are read without giving other fibers a turn: 4 to 8 ms. */
const descriptorsPerTurn = 2_048

const empty = new Uint8Array(0)

/** Reads what /proc states about a process. One that has ended meanwhile has its number only. */
const readProcess = (access: Access, users: ReadonlyMap<number, string>, pid: number): SocketProcess => {
  const read = (name: string) => access.readFile(`/proc/${pid}/${name}`) ?? empty
  const stat = ProcessFiles.parseStat(read("stat"))
  const status = ProcessFiles.parseStatus(read("status"))
  const group = ProcessFiles.parseControlGroup(read("cgroup"))
  return {
    pid,
    name: stat?.name ?? ProcessFiles.parseComm(read("comm")),
    commandLine: ProcessFiles.parseCommandLine(read("cmdline")),
    parentPid: stat?.parentPid,
    uid: status?.uid,
    user: status === undefined ? undefined : users.get(status.uid),
    controlGroup: group?.path,
    unit: group?.unit
  }
}

/** Adds a descriptor of a process to the holders of a socket. */
const addHolder = (socket: SocketRecord, owner: SocketProcess, descriptor: number) => {
  const last = socket.holders.at(-1)
  if (last?.owner === owner) {
    ;(last.descriptors as Array<number>).push(descriptor)
    return
  }
  const holder: SocketHolder = { owner, descriptors: [descriptor] }
  if (socket.holders === noHolders) socket.holders = [holder]
  else (socket.holders as Array<SocketHolder>).push(holder)
  socket.ownership = "open"
}

/** Sockets to be found by their inodes, and the means of a search. */
interface Search {
  readonly access: Access
  readonly sockets: ReadonlyMap<number, SocketRecord>
  readonly users: ReadonlyMap<number, string>
}

/** A process that is searched. */
interface Candidate {
  readonly pid: number
  readonly descriptors: ReadonlyArray<string>
  /** Known once it holds one of the sockets. */
  owner: SocketProcess | undefined
}

/**
 * Looks at some descriptors of a process. Returns false if they are hidden by permissions. It is a function of its own
 * because the loop of a generator is compiled late.
 */
const scan = ({ access, sockets, users }: Search, candidate: Candidate, from: number, to: number): boolean => {
  const { descriptors, pid } = candidate
  for (let index = from; index < to; index++) {
    const descriptor = descriptors[index]!
    const inode = access.socketInode(pid, descriptor)
    if (inode < 0) return false
    const socket = inode === 0 ? undefined : sockets.get(inode)
    if (socket === undefined) continue
    candidate.owner ??= readProcess(access, users, pid)
    addHolder(socket, candidate.owner, Number(descriptor))
  }
  return true
}

/**
 * Finds the holders of sockets, which are given by their inodes, in all processes. Returns the number of the processes
 * whose descriptors are hidden. A process that ends meanwhile is passed over.
 */
export const findHolders = Effect.fnUntraced(function* (search: Search, pids: ReadonlyArray<number>) {
  let deniedProcesses = 0
  let untilTurn = descriptorsPerTurn
  for (const pid of pids) {
    const descriptors = search.access.descriptors(pid)
    if (descriptors === "denied") deniedProcesses++
    if (typeof descriptors === "string") continue
    const candidate: Candidate = { pid, descriptors, owner: undefined }
    let from = 0
    while (from < descriptors.length) {
      const to = Math.min(descriptors.length, from + untilTurn)
      const isShown = scan(search, candidate, from, to)
      untilTurn -= to - from
      from = to
      if (untilTurn === 0) {
        untilTurn = descriptorsPerTurn
        yield* Effect.yieldNow
      }
      if (isShown) continue
      deniedProcesses++
      break
    }
  }
  return deniedProcesses
})
