// For tests: a tenant's sign-in, the emulator's, as a process of its own, because no part of Drover reaches into another.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { Agent, request } from 'undici';

const program = path.join(
  import.meta.dirname,
  '..',
  '..',
  'emulator',
  'entra',
  'standalone-process.ts',
);

export const tenantId = '6f1d8a52-3c0b-4e7a-9d52-70a4b8c1e933';
export const clientId = 'c3b1f0de-8a44-4f0e-b7a4-51d2e6a90c11';

export class PlayedEntra implements AsyncDisposable {
  readonly authorityUrl: string;
  readonly caFile: string;
  readonly #dispatcher: Agent;
  readonly #end: () => Promise<void>;

  constructor(folder: string, port: number, certificate: string, end: () => Promise<void>) {
    this.authorityUrl = `https://localhost:${port}`;
    this.caFile = path.join(folder, 'ca.pem');
    writeFileSync(this.caFile, certificate);
    this.#dispatcher = new Agent({ connect: { ca: certificate } });
    this.#end = end;
  }

  static async start(tokenLifeSeconds: number): Promise<PlayedEntra> {
    const folder = mkdtempSync(path.join(tmpdir(), 'drover-login-'));
    const app = {
      clientId,
      name: 'Drover coordinator',
      secrets: [],
      certificates: [],
      permissions: { application: [], delegated: [] },
      appRoles: [{ value: 'Drover.Viewer', assignedTo: ['ann@contoso.com'] }],
      accessTokenVersion: 2,
    };
    const id = '1d7f4c26-4f3e-4f0e-a7f1-0a4b9f1c2d01';
    const settings = {
      tenantId,
      tenantName: 'contoso',
      domain: 'contoso.com',
      users: [{ id, principalName: 'ann@contoso.com', displayName: 'Ann' }],
      apps: [app],
      keyFolder: path.join(folder, 'keys'),
      deviceCodeIntervalSeconds: 0.02,
      tokenLifeSeconds,
    };
    const child = spawn(process.execPath, [program, JSON.stringify(settings)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    const { port, certificate } = JSON.parse(line) as { port: number; certificate: string };
    return new PlayedEntra(folder, port, certificate, async () => {
      child.stdin.end();
      await exited;
      rmSync(folder, { recursive: true });
    });
  }

  /** Does what the person does who reads the message with the code. */
  async decide(message: string, action: 'approve' | 'decline'): Promise<void> {
    const userCode = /enter the code (\w+)/.exec(message)?.[1] ?? '';
    const form = new URLSearchParams({ user_code: userCode, user: 'ann@contoso.com', action });
    const { statusCode } = await request(`${this.authorityUrl}/devicelogin`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
      dispatcher: this.#dispatcher,
    });
    if (statusCode !== 200) throw new Error(`the page answered ${statusCode}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#dispatcher.close();
    await this.#end();
  }
}
