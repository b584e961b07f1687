/** The workers that are gone: the newest ones are kept, others leave their totals only. */

/** The number of workers that are kept: memory must not grow with each one that joins and leaves. */
export const maxGoneWorkers = 100

/** Adds a worker to a list of those that are gone. Returns the one that leaves the list for it, if any. */
export const add = <Worker>(gone: Array<Worker>, worker: Worker): Worker | undefined =>
  gone.push(worker) > maxGoneWorkers ? gone.shift() : undefined

/** The totals of workers. */
export interface Totals {
  workers: number
  /** Packets, units and working time of the results that were merged. */
  packets: number
  units: number
  busyMillis: number
  /** Failed attempts that count against packets, and expired leases. */
  failures: number
  expiries: number
  /** The time between joining and leaving. */
  presentMillis: number
}

export const noTotals = (): Totals => ({
  ...{ workers: 0, packets: 0, units: 0, busyMillis: 0, failures: 0, expiries: 0, presentMillis: 0 }
})

const names = ["workers", "packets", "units", "busyMillis", "failures", "expiries", "presentMillis"] as const

/** Adds totals to others. */
const addTotals = (to: Totals, added: Readonly<Totals>) => {
  for (const name of names) to[name] += added[name]
}

/** The totals of the workers that are not kept: by host while one of its workers is, else together. */
export interface Forgotten {
  readonly byHost: Map<string | undefined, Totals>
  readonly others: Totals
}

export const nothingForgotten = (): Forgotten => ({ byHost: new Map(), others: noTotals() })

/** Adds the totals of a worker that is not kept. `isHostKnown`: another worker of its host is kept. */
export const forget = (
  { byHost, others }: Forgotten,
  host: string | undefined,
  totals: Readonly<Totals>,
  isHostKnown: boolean
): void => {
  const ofHost = byHost.get(host) ?? noTotals()
  addTotals(ofHost, totals)
  if (isHostKnown) {
    byHost.set(host, ofHost)
    return
  }
  byHost.delete(host)
  addTotals(others, ofHost)
}

/** Returns the totals of all workers that are not kept. */
export const sum = ({ byHost, others }: Forgotten): Totals => {
  const all = { ...others }
  for (const totals of byHost.values()) addTotals(all, totals)
  return all
}

/** Returns the totals that include those of a worker of this host. */
export const totalsOf = ({ byHost, others }: Forgotten, host: string | undefined): Totals => byHost.get(host) ?? others
