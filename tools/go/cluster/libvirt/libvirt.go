// Package libvirt reaches no libvirt: it has the names that Minikube's driver kvm2 compiles with.
//
// That driver starts an image of Minikube's makers, which cannot be had where Minikube is built from source; and
// the real package is C, so that all that Minikube shares with it would need a C compiler.
package libvirt

// The numbers mean nothing here, but differ where a switch needs it.
const (
	ERR_OK = iota
	ERR_INTERNAL_ERROR
	ERR_NO_NETWORK
)

const (
	DOMAIN_NOSTATE DomainState = iota
	DOMAIN_RUNNING
	DOMAIN_BLOCKED
	DOMAIN_PAUSED
	DOMAIN_SHUTDOWN
	DOMAIN_SHUTOFF
	DOMAIN_CRASHED
	DOMAIN_PMSUSPENDED
)

const (
	DOMAIN_INTERFACE_ADDRESSES_SRC_ARP = iota
	DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE
	DOMAIN_SHUTDOWN_ACPI_POWER_BTN
	DOMAIN_SHUTDOWN_DEFAULT
	DOMAIN_UNDEFINE_KEEP_NVRAM
	DOMAIN_XML_INACTIVE
	DOMAIN_XML_SECURE
	NETWORK_SECTION_IP_DHCP_HOST
	NETWORK_UPDATE_AFFECT_CONFIG
	NETWORK_UPDATE_AFFECT_LIVE
	NETWORK_UPDATE_COMMAND_ADD_LAST
	NETWORK_UPDATE_COMMAND_DELETE
)

// DomainState is how a virtual machine is.
type DomainState int

// Error is what every call ends with.
type Error struct {
	Code    int
	Message string
}

func (e Error) Error() string { return e.Message }

var errNone = Error{ERR_INTERNAL_ERROR, "this minikube was built without libvirt: Minikube's own has it"}

// Connect is a connection, which nobody gets.
type Connect struct{}

// NewConnect fails.
func NewConnect(string) (*Connect, error) { return nil, errNone }

func (*Connect) Close() (int, error)                          { return 0, errNone }
func (*Connect) DomainDefineXML(string) (*Domain, error)      { return nil, errNone }
func (*Connect) GetLibVersion() (uint32, error)               { return 0, errNone }
func (*Connect) ListAllDomains(int) ([]Domain, error)         { return nil, errNone }
func (*Connect) ListDefinedDomains() ([]string, error)        { return nil, errNone }
func (*Connect) LookupDomainByName(string) (*Domain, error)   { return nil, errNone }
func (*Connect) LookupNetworkByName(string) (*Network, error) { return nil, errNone }
func (*Connect) NetworkDefineXML(string) (*Network, error)    { return nil, errNone }

// Domain is a virtual machine.
type Domain struct{}

func (*Domain) Create() error                       { return errNone }
func (*Domain) Destroy() error                      { return errNone }
func (*Domain) Free() error                         { return errNone }
func (*Domain) GetName() (string, error)            { return "", errNone }
func (*Domain) GetState() (DomainState, int, error) { return DOMAIN_NOSTATE, 0, errNone }
func (*Domain) GetXMLDesc(int) (string, error)      { return "", errNone }
func (*Domain) Shutdown() error                     { return errNone }
func (*Domain) ShutdownFlags(int) error             { return errNone }
func (*Domain) UndefineFlags(int) error             { return errNone }
func (*Domain) ListAllInterfaceAddresses(int) ([]DomainInterface, error) {
	return nil, errNone
}

// Network is a virtual network.
type Network struct{}

func (*Network) Create() error                              { return errNone }
func (*Network) Destroy() error                             { return errNone }
func (*Network) Free() error                                { return errNone }
func (*Network) GetAutostart() (bool, error)                { return false, errNone }
func (*Network) GetDHCPLeases() ([]NetworkDHCPLease, error) { return nil, errNone }
func (*Network) GetXMLDesc(int) (string, error)             { return "", errNone }
func (*Network) IsActive() (bool, error)                    { return false, errNone }
func (*Network) SetAutostart(bool) error                    { return errNone }
func (*Network) Undefine() error                            { return errNone }
func (*Network) Update(_, _, _ int, _ string, _ int) error  { return errNone }

// NetworkDHCPLease is an address that a network has given.
type NetworkDHCPLease struct{ Hostname, IPaddr, Mac string }

// DomainInterface is a network card of a virtual machine.
type DomainInterface struct {
	Hwaddr string
	Addrs  []struct{ Addr string }
}
