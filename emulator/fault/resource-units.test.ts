// Prices, call by call.
import test from 'ava';
import { resourceUnits } from './resource-units.ts';

const d = '/v1.0/drives/b!x';

const prices: [units: number, method: string, target: string][] = [
  [1, 'GET', `${d}/items/01A`],
  [1, 'GET', `${d}/root`],
  [1, 'GET', `${d}/root:/a/children`],
  [1, 'GET', `${d}/root:/children:`],
  [1, 'GET', `${d}/items/01A:/permissions`],
  [1, 'GET', `${d}/items/01A/content`],
  [1, 'GET', '/sites/hr/_layouts/15/download.aspx?UniqueId=1'],
  [1, 'GET', `${d}/root/delta?token=abc`],
  [1, 'GET', `${d}/root/delta?$select=id&token=abc`],
  [1, 'GET', `${d}/root/delta(token='abc')`],
  [1, 'GET', '/v1.0/sites/contoso.sharepoint.com:/sites/hr'],
  [1, 'GET', "/_api/v2.0/drives/b!x/items/01A/uploadSession?guid='1'"],
  [2, 'GET', `${d}/root/delta`],
  [2, 'GET', `${d}/root/delta()`],
  [2, 'GET', `${d}/root/children?$top=200`],
  [2, 'GET', `${d}/root:/a:/children`],
  [2, 'GET', '/v1.0/sites?search=hr'],
  [2, 'GET', '/v1.0/sites/x/drives'],
  [2, 'GET', `${d}/items/01A/versions`],
  [2, 'GET', `${d}/root/search(q='a')`],
  [2, 'POST', `${d}/root/children`],
  [2, 'PUT', `${d}/items/01A:/a.txt:/content`],
  [2, 'PATCH', `${d}/items/01A`],
  [2, 'DELETE', `${d}/items/01A`],
  [2, 'POST', `${d}/items/01A:/a.txt:/createUploadSession`],
  [7, 'PUT', "/sites/s/_api/v2.0/drives/b!x/items/01A/uploadSession?guid='1'"],
  [2, 'PUT', `${d}/items/01A:/uploadSession`],
  [5, 'GET', `${d}/items/01A/permissions`],
  [5, 'DELETE', `${d}/items/01A/permissions/1`],
  [5, 'POST', `${d}/items/01A/invite`],
  [5, 'POST', `${d}/root:/a/b:/invite`],
  [5, 'GET', `${d}/items/01A?$select=id&$expand=permissions`],
  [5, 'GET', `${d}/items/01A?$expand=children,permissions`],
];

for (const [units, method, target] of prices)
  test(`${units}: ${method} ${target}`, (t) => {
    t.is(resourceUnits({ method, target }, { fragmentUnits: 7 }), units);
  });
