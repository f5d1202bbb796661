// Processor time of the workerd processes this process started: what a neighbour's work does not change. Linux only.

import { readFileSync } from "node:fs";

const ticksPerSecond = 100;

/** Seconds of processor time so far, or `undefined` where /proc does not tell. */
export function workerdSeconds() {
  try {
    return workerdPids().reduce((sum, pid) => sum + fieldsOf(pid).ticks, 0) / ticksPerSecond;
  } catch {
    return undefined;
  }
}

/** The workerd processes that this process started. */
export function workerdPids() {
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, "utf8").trim().split(" ");
  return children.filter((pid) => fieldsOf(pid).name === "workerd");
}

/** `1234 (workerd) S … utime stime …` */
function fieldsOf(pid) {
  const [, name, rest] = /^\d+ \((.*)\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8"));
  const fields = rest.split(" ");
  return { name, ticks: Number(fields[11]) + Number(fields[12]) };
}
