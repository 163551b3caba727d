// For tests: a tenant in which Ann may look at a coordinator.
import { clientId, EntraProcess, startEntra, tenantId } from '../../lib/testing/entra-process.ts';

export { clientId, tenantId };

export class PlayedEntra extends EntraProcess {
  static async start(tokenLifeSeconds: number): Promise<PlayedEntra> {
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
    const started = await startEntra({
      users: [{ id, principalName: 'ann@contoso.com', displayName: 'Ann' }],
      apps: [app],
      deviceCodeIntervalSeconds: 0.02,
      tokenLifeSeconds,
    });
    return new PlayedEntra(started);
  }
}
