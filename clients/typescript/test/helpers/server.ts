/** The real server, as a process of its own. */
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The program: `TOCSIN` names another one than the repository's own. */
const PROGRAM = process.env.TOCSIN ?? fileURLToPath(new URL("../../../../../.venv/bin/tocsin", import.meta.url));

/** A server, which whoever starts it ends. Its data stay in its folder when it is killed and started again. */
export class Server implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), "tocsin-"));
  readonly #settings: Readonly<Record<string, string>>;
  #process: ChildProcess | undefined;
  #errors = "";
  address = "127.0.0.1:0";

  private constructor(settings: Readonly<Record<string, string>>) {
    this.#settings = settings;
  }

  static async start(settings: Readonly<Record<string, string>> = {}): Promise<Server> {
    const server = new Server(settings);
    await server.start();
    return server;
  }

  /** Starts it, again on the port that it had. */
  async start(): Promise<void> {
    const child = spawn(PROGRAM, ["serve", "--dev", "--listen", this.address], {
      cwd: this.folder,
      env: { PATH: process.env.PATH, TOCSIN_METRICS_LISTEN: "off", PYTHONUNBUFFERED: "1", ...this.#settings },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process = child;
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#errors += text));
    let said = "";
    this.address = await new Promise((resolve, reject) => {
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        const address = /Tocsin serves gRPC on (\S+)/.exec(said)?.[1];
        if (address) resolve(address);
      });
      child.once("error", reject);
      child.once("exit", () => {
        reject(new Error(`the server ended instead of starting:\n${this.#errors}`));
      });
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** Ends it, and waits until it is gone. */
  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#process;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }
}
