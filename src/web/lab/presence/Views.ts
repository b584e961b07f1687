/** Views of a cluster: the beliefs of each host about the others, compared with the truth. Pure. */
import type * as Peer from "../../../status/Peer.ts"

/** The names of the hosts. */
export const names = ["ada", "ben", "cleo", "dora", "emil"] as const

/** The view of one host: the states of the others by name. Missing ones are unknown to it. */
export type View = ReadonlyMap<string, Peer.State>

/** Returns the name of a view, such as `sees 3 alive, 1 suspect`. */
export const describe = (view: View): string => {
  const counts = (["alive", "suspect", "down", "left"] as const).flatMap((state) => {
    const count = [...view.values()].filter((one) => one === state).length
    return count === 0 ? [] : [`${count} ${state}`]
  })
  return counts.length === 0 ? "sees nobody" : `sees ${counts.join(", ")}`
}

/** Returns the view as variables, in the order of the names. */
export const variables = (host: string, view: View) =>
  names.filter((name) => name !== host).map((name) => [name, view.get(name) ?? "unknown"] as const)

/** Finds a wrong belief of a running host, as a sentence; undefined if all agree with what is true. */
export const mistake = (views: ReadonlyMap<string, View>, isRunning: (name: string) => boolean): string | undefined => {
  for (const [host, view] of views) {
    if (!isRunning(host)) continue
    for (const name of names) {
      const state = view.get(name) ?? "unknown"
      if (name !== host && isRunning(name) !== (state === "alive")) return `${host} takes ${name} for ${state}`
    }
  }
  return undefined
}
