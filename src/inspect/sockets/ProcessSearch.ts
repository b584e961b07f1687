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

/**
 * Finds the holders of sockets, which are given by their inodes, in all processes. Returns the number of the processes
 * whose descriptors are hidden. A process that ends meanwhile is passed over.
 */
export const findHolders = Effect.fnUntraced(function* (
  access: Access,
  sockets: ReadonlyMap<number, SocketRecord>,
  pids: ReadonlyArray<number>,
  users: ReadonlyMap<number, string>
) {
  let deniedProcesses = 0
  let untilTurn = descriptorsPerTurn
  for (const pid of pids) {
    const descriptors = access.descriptors(pid)
    if (typeof descriptors === "string") {
      if (descriptors === "denied") deniedProcesses++
      continue
    }
    let owner: SocketProcess | undefined
    for (const descriptor of descriptors) {
      if (--untilTurn === 0) {
        untilTurn = descriptorsPerTurn
        yield* Effect.yieldNow
      }
      const inode = access.socketInode(pid, descriptor)
      if (inode < 0) {
        deniedProcesses++
        break
      }
      const socket = inode === 0 ? undefined : sockets.get(inode)
      if (socket === undefined) continue
      owner ??= readProcess(access, users, pid)
      addHolder(socket, owner, descriptor)
    }
  }
  return deniedProcesses
})
