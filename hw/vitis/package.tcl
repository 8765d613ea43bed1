# Packages the kernel's Verilog (hlsc) as an RTL kernel, an .xo for v++. Never run: see README.md.
#   vivado -mode batch -source package.tcl -tclargs KERNEL.v KERNEL.ports RTL_FOLDER OUT.xo
# What an RTL kernel has to look like: UG1393, "Packaging RTL kernels".
lassign $argv verilog ports rtl xo
set kernel adafire_kernel
create_project -force package ./package -part xcu250-figd2104-2L-e
add_files -norecurse [concat $verilog [glob $rtl/*.v]]
set_property top ${kernel}_axi [current_fileset]
update_compile_order -fileset sources_1
ipx::package_project -root_dir ./package/ip -vendor adafire -library kernel -taxonomy /KernelIP \
    -import_files -force
set core [ipx::current_core]
set_property name $kernel $core
set_property sdx_kernel true $core
set_property sdx_kernel_type rtl $core
set_property vitis_drc {ctrl_protocol ap_ctrl_hs} $core
set_property ipi_drc {ignore_freq_hz true} $core

# The control interface has to be called so; Vivado infers s_axi from the ports' names.
set control [ipx::get_bus_interfaces s_axi -of_objects $core]
set_property name s_axi_control $control
set map [ipx::get_memory_maps -of_objects $core]
set_property name s_axi_control $map
set_property slave_memory_map_ref s_axi_control $control
ipx::associate_bus_interfaces -busif s_axi_control -clock ap_clk $core
# The reset belongs to the clock (UG1701, "RTL kernel requirements").
set clock [ipx::get_bus_interfaces ap_clk -of_objects $core]
set_property value ap_rst_n [ipx::add_bus_parameter ASSOCIATED_RESET $clock]

# Registers, as `hlsc --ports` lists them; those of pointers name the port that they belong to.
set block [ipx::get_address_blocks -of_objects $map]
set control_register [ipx::add_register CTRL $block]
set_property address_offset 0x000 $control_register
set_property size 32 $control_register
set file [open $ports]
set lines [split [read $file] \n]
close $file
set masters {}
foreach line $lines {
    if {[lindex $line 0] eq "axi"} {
        lappend masters [lindex $line 1]
    }
}
foreach line $lines {
    if {[lindex $line 0] ne "register"} {
        continue
    }
    lassign $line - name offset bits
    set register [ipx::add_register $name $block]
    set_property address_offset $offset $register
    set_property size $bits $register
    if {$name in $masters} {
        set busif [ipx::add_register_parameter ASSOCIATED_BUSIF $register]
        set_property value m_axi_$name $busif
    }
}
foreach name $masters {
    ipx::associate_bus_interfaces -busif m_axi_$name -clock ap_clk $core
    set master [ipx::get_bus_interfaces m_axi_$name -of_objects $core]
    # hls_axi_read asks for as many bursts as its 256 words have room for, hls_axi_write announces 16 and
    # waits for the responses of 256; HAS_BURST tells of AxBURST, which both have.
    foreach {parameter value} {MAX_BURST_LENGTH 64 HAS_BURST 1 SUPPORTS_NARROW_BURST 0
                               NUM_READ_OUTSTANDING 32 NUM_WRITE_OUTSTANDING 32} {
        set_property value $value [ipx::add_bus_parameter $parameter $master]
    }
}
ipx::update_checksums $core
ipx::check_integrity $core
ipx::save_core $core
package_xo -force -xo_path $xo -kernel_name $kernel -ctrl_protocol ap_ctrl_hs -ip_directory ./package/ip
