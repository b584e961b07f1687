/** The places of failed workers until their replacements start, each after a delay of its own. Pure. */

/** The delays before a worker is replaced. */
export interface Delays {
  /** Delay after the first failure, doubled for each failure in a row of its replacements. */
  readonly initialRestartDelayMillis: number
  readonly maxRestartDelayMillis: number
}

/** The place of a worker that has failed. */
interface Vacancy {
  /** Failures in a row; 0 if the last worker was stable. */
  readonly failures: number
  readonly restartAtMillis: number
}

/** The vacancies of a group, in the order of their time. */
export type Vacancies = ReadonlyArray<Vacancy>

/** Adds the place of a worker that has just failed. */
export const add = (delays: Delays, vacancies: Vacancies, failures: number, now: number): Vacancies => {
  const factor = 2 ** Math.max(0, failures - 1)
  const delayMillis = Math.min(delays.maxRestartDelayMillis, delays.initialRestartDelayMillis * factor)
  const added: Vacancy = { failures, restartAtMillis: now + delayMillis }
  return [...vacancies, added].sort((one, other) => one.restartAtMillis - other.restartAtMillis)
}

/** Takes the vacancies whose time has come. Returns their failures, and the others. */
export const takeDue = (vacancies: Vacancies, now: number): readonly [failures: ReadonlyArray<number>, Vacancies] => {
  const due = vacancies.filter(({ restartAtMillis }) => now >= restartAtMillis)
  return [due.map(({ failures }) => failures), vacancies.slice(due.length)]
}
