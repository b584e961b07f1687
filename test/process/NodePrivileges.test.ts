import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import { assert, describe, it } from "@effect/vitest"

const isRoot = process.platform === "linux" && process.getuid?.() === 0
const program = Path.join(import.meta.dirname, "node/Privileges.ts")
const idOf = (flag: string, user: string) => ChildProcess.spawnSync("id", [flag, user]).stdout.toString().trim()

/** Runs the program as root or another user; `prefix` is a program that starts it. */
const change = (
  args: ReadonlyArray<string>,
  { prefix = [], uid = 0 }: { prefix?: Array<string>; uid?: number } = {}
) => {
  const [command, ...rest] = [...prefix, process.execPath, program, ...args]
  const { stderr, stdout } = ChildProcess.spawnSync(command!, rest, { uid, gid: uid, cwd: "/", encoding: "utf8" })
  assert.notStrictEqual(stdout, "", stderr)
  return JSON.parse(stdout) as { readonly message: string; readonly tasks: ReadonlyArray<string> }
}

const ids = (id: number | string) => [id, id, id, id].join("\t")

describe.skipIf(!isRoot)("NodePrivileges (skipped without root on Linux)", () => {
  const nobody = idOf("-u", "nobody")
  const nogroup = idOf("-g", "nobody")
  const plain = (groups: string, gid: string, uid: string) => ({
    message: "",
    tasks: [`uid ${ids(uid)}, gid ${ids(gid)}, groups ${groups}, capabilities 0000000000000000`]
  })

  it("drop changes all IDs of all threads, and leaves no capability and no other group", () => {
    assert.deepStrictEqual(change(["nobody"]), plain(nogroup, nogroup, nobody))
    assert.deepStrictEqual(change([nobody]), plain(nogroup, nogroup, nobody))
  })

  it("drop changes to a group by name or number", () => {
    assert.deepStrictEqual(change(["nobody", "daemon"]), plain("1", "1", nobody))
    assert.deepStrictEqual(change(["nobody", "54321"]), plain("54321", "54321", nobody))
  })

  it("drop changes the group of a process that has the user already", () => {
    assert.include(change(["root", "daemon"]).tasks.join(), `gid ${ids(1)}`)
    // The own group by its name is not a change, which a process without root may not make.
    assert.strictEqual(change(["nobody", idOf("-gn", "nobody")], { uid: Number(nobody) }).message, "")
    assert.match(change(["nobody", "daemon"], { uid: Number(nobody) }).message, /^cannot change to nobody: /)
  })

  it("drop adds the supplementary groups of the user", () => {
    const name = "effect-inet-test"
    ChildProcess.spawnSync("useradd", ["--no-create-home", "--gid", "nogroup", "--groups", "games,mail", name])
    try {
      const groups = idOf("-G", name)
        .split(" ")
        .map(Number)
        .sort((one, other) => one - other)
        .join(" ")
      assert.lengthOf(groups.split(" "), 3)
      assert.deepStrictEqual(change([name]), plain(groups, nogroup, idOf("-u", name)))
    } finally {
      ChildProcess.spawnSync("userdel", [name])
    }
  })

  it("drop accepts numbers without an entry in the user database", () => {
    assert.deepStrictEqual(change(["54321", "54322"]), plain("54322", "54322", "54321"))
    assert.strictEqual(change(["54321"]).message, "user 54321 has no group on this host; name a group, too")
  })

  it("find fails for a user that does not exist, and drop for such a group", () => {
    assert.strictEqual(change(["no\nuser"]).message, String.raw`no user "no\nuser" on this host`)
    assert.match(change(["nobody", "no-group"]).message, /^cannot change to nobody: .*no-group$/)
  })

  it("find fails without root, except for the own user", () => {
    assert.strictEqual(
      change(["root"], { uid: 54_321 }).message,
      "only root can change to root; start as root, or omit --user"
    )
    assert.strictEqual(change(["54321", "54321"], { uid: 54_321 }).message, "")
  })

  it("drop fails if the process could become root again", () => {
    const prefix = ["setpriv", "--securebits", "+no_setuid_fixup"]
    assert.strictEqual(
      change(["nobody"], { prefix }).message,
      "cannot change to nobody: the process could become root again"
    )
  })
})
