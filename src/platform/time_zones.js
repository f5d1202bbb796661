// The JavaScript half of time_zones.rs.

const week = 7 * 24 * 3600;
const rememberedWeeks = 2000;

/** Zones by name: how to ask for their offset, and the offset of each week that has only one. */
const zones = new Map();

/** Seconds east of Greenwich at a moment in seconds since the epoch; undefined when no zone is called so. */
export function offset(name, at) {
  const zone = zones.get(name) ?? made(name);
  if (!zone) return undefined;
  const number = Math.floor(at / week);
  if (!zone.weeks.has(number)) {
    if (zone.weeks.size >= rememberedWeeks) zone.weeks.clear();
    const [first, last] = [zone.offset(number * week), zone.offset((number + 1) * week)];
    zone.weeks.set(number, first === last ? first : undefined);
  }
  return zone.weeks.get(number) ?? zone.offset(at);
}

function made(name) {
  if (!/^[A-Z]/.test(name)) return undefined;
  let format;
  try {
    const parts = { era: "short", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" };
    format = new Intl.DateTimeFormat("en-US", { timeZone: name, hourCycle: "h23", ...parts });
  } catch {
    return undefined;
  }
  const { timeZone } = format.resolvedOptions();
  if (timeZone !== name && timeZone.toLowerCase() === name.toLowerCase()) return undefined;
  const zone = { weeks: new Map(), offset: (at) => shown(format, at) - at };
  zones.set(name, zone);
  return zone;
}

/** What clocks show at a moment, in seconds since the epoch as if it were UTC. */
function shown(format, at) {
  const { era, year, month, day, hour, minute, second } = Object.fromEntries(format.formatToParts(at * 1000).map(({ type, value }) => [type, value]));
  const date = new Date(0);
  date.setUTCFullYear(era === "BC" ? 1 - year : Number(year), month - 1, Number(day));
  date.setUTCHours(Number(hour), Number(minute), Number(second));
  return date.getTime() / 1000;
}
