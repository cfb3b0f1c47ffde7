/**
 * Instances from DNS: SRV records, or the addresses of a name.
 *
 * @module
 */
export { dnsAddresses, dnsSrv, type DnsAddressesOptions, type DnsOptions, type DnsSrvOptions } from "./dns.ts";
